/**
 * Bar charts as SVG, from the results alone. A panel for each row: a bar for each peer, its length the median, the whisker the
 * spread of the rounds, the figure beside it with its ratio to the reference. Colours hold on light and dark pages.
 */
import { OURS, REFERENCE } from "../peers/all.ts";
import type { Metric } from "../rows/row.ts";
import type { Entry, RowResult } from "../results.ts";
import { format, ratioOf, valueOf } from "./judge.ts";

const WIDTH = 860;
const LABELS = 170;
const FIGURES = 190;
const BAR = 16;
const LINE = 22;
const HEAD = 34;
const GAP = 14;
const PLOT = WIDTH - LABELS - FIGURES;

const STYLE = `text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 } .small { fill: #59636e; font-size: 12px }
.page { fill: #ffffff } .ours { fill: #1a7f5a } .reference { fill: #8250df } .other { fill: #9aa4af } .whisker { stroke: #1f2328 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .page { fill: #0d1117 } .ours { fill: #3fb984 } .reference { fill: #a985f0 }
  .other { fill: #656d76 } .whisker { stroke: #e6edf3 }
}`;

export interface Panel {
  readonly row: RowResult;
  readonly metric: Metric;
}

export function chart(title: string, panels: readonly Panel[]): string {
  let y = HEAD;
  const parts = panels.map((panel) => {
    const top = y;
    y += HEAD + panel.row.entries.length * LINE + GAP;
    return drawPanel(panel, top);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${escape(title)}">
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${y}"/>
<text class="title" x="12" y="22">${escape(title)}</text>
${parts.join("\n")}
</svg>
`;
}

function drawPanel({ row, metric }: Panel, top: number): string {
  const entries = row.entries.toSorted((a, b) => order(metric, a, b));
  const longest = Math.max(...entries.map(({ values }) => values[metric.key]?.max ?? 0), Number.MIN_VALUE);
  const wanted = metric.better === "more" ? "more is better" : "less is better";
  const head = `<text x="12" y="${top + 20}">${escape(row.title)} <tspan class="small">${escape(metric.title)}, ${wanted}</tspan></text>`;
  const bars = entries.map((entry, i) => drawBar({ row, metric }, entry, top + HEAD + i * LINE, PLOT / longest));
  return [head, ...bars].join("\n");
}

/** The best first. */
function order(metric: Metric, a: Entry, b: Entry): number {
  const difference = valueOf(a, metric.key) - valueOf(b, metric.key);
  return metric.better === "more" ? -difference : difference;
}

function drawBar({ row, metric }: Panel, entry: Entry, y: number, scale: number): string {
  const { median = 0, min = 0, max = 0 } = entry.values[metric.key] ?? {};
  const length = Math.max(1, median * scale);
  const [left, right] = [LABELS + min * scale, LABELS + max * scale].map((x) => x.toFixed(1));
  const middle = y + BAR / 2;
  const kind = entry.peer === OURS.name ? "ours" : entry.peer === REFERENCE.name ? "reference" : "other";
  const ratio = ratioOf(row, entry, metric.key);
  const times = ratio === undefined || entry.peer === REFERENCE.name ? "" : ` · ${format(ratio, 2)} ×`;
  const errors = entry.errors === 0 ? "" : ` · ${entry.errors} errors`;
  const figure = `${format(median, metric.digits)}${times}${errors}`;
  const whisker = min === max ? "" : `<path class="whisker" d="M${left} ${middle}H${right}"/>`;
  return `<text x="${LABELS - 8}" y="${y + 13}" text-anchor="end">${escape(entry.peer)}</text>
<rect class="${kind}" x="${LABELS}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2"/>${whisker}
<text class="small" x="${(LABELS + Math.max(length, max * scale) + 8).toFixed(1)}" y="${y + 13}">${escape(figure)}</text>`;
}

export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
