/**
 * A terminal's screen as SVG, for the README:
 *
 *   tmux capture-pane -e -p | bun scripts/terminal-picture.ts "server setup" > docs/setup.svg
 *
 * It knows the attributes that our commands use: bold, dim, the eight colours and grey.
 */
import { escape } from "./bench/report/chart.ts";

const COLUMN = 8.4;
const LINE = 19;
const MARGIN = 16;
const BAR = 34;

/** ESC [ codes m */
const ATTRIBUTES = new RegExp(String.raw`${String.fromCharCode(27)}\[([\d;]*)m`);

const COLOURS: Readonly<Record<number, string>> = {
  31: "#ff7b72",
  32: "#3fb950",
  33: "#d29922",
  34: "#58a6ff",
  35: "#bc8cff",
  36: "#39c5cf",
  90: "#6e7681",
};

interface Style {
  colour: string | undefined;
  bold: boolean;
  dim: boolean;
}

const PLAIN: Style = { colour: undefined, bold: false, dim: false };

function apply(style: Style, codes: readonly number[]): Style {
  return codes.reduce((now, code) => {
    if (code === 0) return PLAIN;
    if (code === 1) return { ...now, bold: true };
    if (code === 2) return { ...now, dim: true };
    if (code === 22) return { ...now, bold: false, dim: false };
    if (code === 39) return { ...now, colour: undefined };
    return COLOURS[code] === undefined ? now : { ...now, colour: COLOURS[code] };
  }, style);
}

function span({ colour, bold, dim }: Style, text: string): string {
  const attributes = [
    ...(colour === undefined ? [] : [`fill="${colour}"`]),
    ...(bold ? ['font-weight="700"'] : []),
    ...(dim && colour === undefined ? ['fill="#8b949e"'] : []),
  ];
  return attributes.length === 0 ? escape(text) : `<tspan ${attributes.join(" ")}>${escape(text)}</tspan>`;
}

/** The style goes on from line to line. */
function draw(lines: readonly string[]): string[] {
  let style = PLAIN;
  return lines.map((line, i) => {
    const parts = line.split(ATTRIBUTES);
    const spans = parts.map((part, at) => {
      if (at % 2 === 0) return part === "" ? "" : span(style, part);
      style = apply(style, part.split(";").map(Number));
      return "";
    });
    return `<text x="${MARGIN}" y="${BAR + MARGIN + i * LINE}" xml:space="preserve">${spans.join("")}</text>`;
  });
}

const lines = (await Bun.stdin.text()).trimEnd().split("\n");
const columns = Math.max(
  ...lines.map(
    (line) =>
      line
        .split(ATTRIBUTES)
        .filter((_, at) => at % 2 === 0)
        .join("").length,
  ),
);
const [width, height] = [Math.ceil(columns * COLUMN) + 2 * MARGIN, BAR + MARGIN + lines.length * LINE];
const title = process.argv[2] ?? "a terminal";
const lights = ["#ff5f57", "#febc2e", "#28c840"].map(
  (c, i) => `<circle cx="${20 + i * 18}" cy="17" r="5.5" fill="${c}"/>`,
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">
<style>text { font: 14px ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; fill: #e6edf3 }</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${lights.join("")}
${draw(lines).join("\n")}
</svg>`);
