/** docs/bench.md with its charts, and the short table of the README, from the results alone. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "../../sample/run.ts";
import { OURS, PEERS, REFERENCE } from "../peers/all.ts";
import type { Group } from "../rows/row.ts";
import type { Results, RowResult } from "../results.ts";
import { aheadOfUs, barIsMet, barText, entryOf, format, judging, ratioOf, valueOf } from "./judge.ts";
import { chart } from "./chart.ts";
import { type Length, lengthText, otherLengths, usualLength } from "./length.ts";
import { whyOf } from "./why.ts";

const TITLES: Readonly<Record<Group, string>> = {
  apps: "Applications",
  files: "Files",
  proxy: "Proxying",
  one: "One thread against one worker",
  operation: "Operation",
};

/** `peers`: where they are, as seen from the page. */
const method = (peers: string, usual: string) =>
  `
- Every peer has the same: ${"`processes = 4`, `threads = 2`"} for applications (waitress, which has no processes, 8 threads), a worker, front or
  event thread for each core in front, the same interpreter and Django, an access log (but for the rows of one thread). How each is configured:
  [scripts/bench/peers](${peers}).
- Before a peer is timed in a row its answer is looked at: status, length or content, encoding. Who answers wrongly is not timed.
- A first round warms up. Then the rounds are interleaved: each peer once, then each again. Figures are medians of the rounds; ± is half
  the distance between the best and the worst. Each row had ${usual}, unless it says otherwise. Starts, reloads, slow readers and
  files of the first time take as long as they take, whatever the seconds are.
- "One thread against one worker": one front, one nginx worker, one thread of the others that can be held to it, none with an access log. What is
  wanted of files and proxying is wanted there. wrk has the other cores. Each row has five seconds to warm up, that of the first time fifty thousand other files: a compiler that works while requests come is not counted, and
  is in the other rows, which have one.
- CPU is user and system time of all processes of the server, upstreams apart. Load generator and servers share the cores here,
  so that requests/s also depend on what the generator costs: CPU per request does not.
- All connections are of this machine. There the server has Reno for TCP, which models no path, whatever the machine has for the network
  (named above); the others have that. Where it is BBR, ours are cheaper for it: a small proxied reply by about 3 %, large files by up to a fifth.
- Closed loop: wrk (of large files by one thread also a reader of larger pieces), each connection asks again when its answer is there. Where
  it has no time to spare (1.00 of its time), it is itself what is measured. Fixed rate: requests are due at given moments, and a
  wait counts from then on, whether or not a connection was free (no coordinated omission). Due moments are looked at each
  millisecond, so up to one of what is shown is the generator's own.
- Errors are replies of a wrong status and connections that broke; they stand beside the figures.
- Memory is the proportional set size of the whole tree: pages that processes share count once.
- Where the time of a row goes: ${"`make profile ROW=hello`"} runs it on this server under the sampling profilers of Bun (the fronts) and of
  Python (a worker).
`.trim();

/** As of the root of the sources: where the page stands, and what it is made of. */
export interface PagePlace {
  readonly folder: string;
  readonly source: string;
}

export function page(results: Results, { folder, source }: PagePlace): string {
  const usual = usualLength(results.rows);
  const peersPath = relative(folder, "scripts/bench/peers");
  const sections = (Object.keys(TITLES) as Group[]).map((group) => section(group, results, usual));
  return `# Side by side

<!-- Written by \`make bench\` from ${source}. -->

${results.date}, on ${results.machine}. ${results.tools.join(", ")}.

${peers(results)}

Ratios (×) are to ${REFERENCE.name}. \`make bench\` measures all of it on your machine, \`make bench ROW=hello,1k PEER="server,nginx + uWSGI"\`
a part, \`make bench-quick\` the main rows in less than two minutes.

## How it is measured

${method(peersPath, usual === undefined ? "none" : lengthText(usual))}

${sections.join("\n")}
${behind(results.rows)}
`;
}

function peers({ versions, notes, absent }: Results): string {
  const named = PEERS.filter(({ name }) => versions[name] !== undefined).map(({ name }) => {
    const note = notes[name] === undefined ? "" : ` (${notes[name]})`;
    return `${name} ${versions[name]}${note}`;
  });
  const missing = absent.map(({ peer, why }) => `${peer} (${why})`);
  return `Compared: ${named.join("; ")}.${missing.length === 0 ? "" : ` Not there: ${missing.join("; ")}.`}`;
}

function section(group: Group, { rows: all, date }: Results, usual: Length | undefined): string {
  const rows = all.filter((row) => row.group === group && row.entries.length > 0);
  if (rows.length === 0) return "";
  return `## ${TITLES[group]}

![${TITLES[group]}](bench/${group}.svg)

${rows.map((row) => rowMarkdown(row, date, usual)).join("\n\n")}
`;
}

/** What the bench itself leaves behind from the row before stays below it. */
const BUSY = 2 * navigator.hardwareConcurrency;

/** What is older than the page. */
function older({ entries }: RowResult, date: string): string[] {
  const dates = [...new Set(entries.map((entry) => entry.date ?? date))].filter((each) => each !== date);
  return dates.map((each) => {
    const peers = entries.filter((entry) => entry.date === each).map(({ peer }) => peer);
    return peers.length === entries.length ? `Measured ${each}.` : `Measured ${each}: ${peers.join(", ")}.`;
  });
}

function rowMarkdown(row: RowResult, date: string, usual: Length | undefined): string {
  const head = row.metrics.flatMap(({ title }) => [title, "×"]);
  const lines = row.entries.map((entry) => {
    const cells = row.metrics.flatMap(({ key, digits }) => {
      const { min = 0, max = 0 } = entry.values[key] ?? {};
      const median = valueOf(entry, key);
      const apart = min === max || median === 0 ? "" : ` ±${Math.round(((max - min) / 2 / median) * 100)}%`;
      const ratio = ratioOf(row, entry, key);
      return [`${format(median, digits)}${apart}`, ratio === undefined ? "" : format(ratio, 2)];
    });
    const errors = entry.errors === 0 ? "" : ` (${entry.errors} errors)`;
    return `| ${entry.peer === OURS.name ? `**${entry.peer}**` : entry.peer}${errors} | ${cells.join(" | ")} |`;
  });
  const bar = barIsMet(row);
  const remarks = [
    ...(bar === undefined ? [] : [`Wanted: ${barText(row)}; ${bar ? "met" : "not met"}.`]),
    ...otherLengths(row, usual),
    ...(row.load === undefined || row.load <= BUSY ? [] : [`The machine was not quiet: load average ${row.load}.`]),
    ...(row.note === undefined ? [] : [`${row.note}.`]),
    ...older(row, date),
    ...row.refused.map(({ peer, why }) => `${peer}: ${why}.`),
  ];
  const table = [`| | ${head.join(" | ")} |`, `| --- |${" ---: |".repeat(head.length)}`, ...lines].join("\n");
  return `### ${row.title} (\`${row.id}\`)\n\n${table}${remarks.length === 0 ? "" : `\n\n${remarks.join(" ")}`}`;
}

function behind(rows: readonly RowResult[]): string {
  const lines = rows.flatMap((row) =>
    aheadOfUs(row).map(
      ({ peer, metric, theirs, ours }) =>
        `| ${row.title} | ${peer} | ${metric.title} | ${format(theirs, metric.digits)} | ${format(ours, metric.digits)} |`,
    ),
  );
  if (lines.length === 0) return "## Where others are ahead\n\nNowhere, by what the rows are judged by.";
  const head = "| row | who | in what | theirs | ours |\n| --- | --- | --- | ---: | ---: |";
  const rest = rows.filter((row) => aheadOfUs(row).length > 0);
  const reasons = rest.map(({ id, title }) => `- ${title}: ${whyOf(id) ?? "not looked into"}.`);
  const why = `\n\n### Why, as far as it was looked into\n\n${reasons.join("\n")}`;
  return `## Where others are ahead\n\n${head}\n${lines.join("\n")}${why}`;
}

/** Ours and the reference, for the README. */
export function shortTable(results: Results): string {
  const rows = results.rows.flatMap((row) => {
    const [us, them] = [entryOf(row, OURS.name), entryOf(row, REFERENCE.name)];
    const [metric] = judging(row);
    if (us === undefined || them === undefined || metric === undefined) return [];
    const figure = (entry: typeof us) => `${format(valueOf(entry, metric.key), metric.digits)} ${metric.title}`;
    const ratio = ratioOf(row, us, metric.key);
    const cpu = metric.key === "cpuUs" ? undefined : ratioOf(row, us, "cpuUs");
    const times = ratio === undefined ? "" : `${format(ratio, 2)} ×`;
    return [
      `| ${row.title} | ${figure(us)} | ${figure(them)} | ${times} | ${cpu === undefined ? "" : `${format(cpu, 2)} ×`} |`,
    ];
  });
  return `| | server | ${REFERENCE.name} | ratio | CPU |\n| --- | ---: | ---: | ---: | ---: |\n${rows.join("\n")}`;
}

/** Writes all of it; `readme` has the short table between its marks; `source`: where the results stand. */
export function writePages(
  results: Results,
  folder: string,
  readme?: string,
  source = join(folder, "bench/results.json"),
): void {
  mkdirSync(join(folder, "bench"), { recursive: true });
  const place = { folder: relative(ROOT, folder), source: relative(ROOT, source) };
  writeFileSync(join(folder, "bench.md"), page(results, place));
  for (const group of Object.keys(TITLES) as Group[]) {
    const rows = results.rows.filter((row) => row.group === group && row.entries.length > 0);
    const panels = rows.flatMap((row) => judging(row).map((metric) => ({ row, metric })));
    if (panels.length > 0) writeFileSync(join(folder, "bench", `${group}.svg`), chart(TITLES[group], panels));
  }
  if (readme !== undefined) writeFileSync(readme, withTable(readFileSync(readme, "utf8"), shortTable(results)));
}

const MARKS = /(<!-- bench: written by make bench -->\n)[\s\S]*?(\n<!-- \/bench -->)/;

export function withTable(text: string, table: string): string {
  return text.replace(MARKS, (_, open: string, close: string) => `${open}\n${table}\n${close}`);
}
