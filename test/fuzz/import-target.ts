/**
 * The importers of nginx.conf and uwsgi.ini under the fuzzer. What must hold for any text:
 *
 *   1. nothing throws
 *   2. every finding stands inside the file, has a sentence, and can be shown with its line
 *   3. what is written is TOML
 *   4. lines of a sound text that end in CR LF, and a byte order mark before them, change nothing
 *   5. of a sound text every directive and option is told of
 *
 * Texts are drawn from the directives and options that there are, with values that people write, then damaged.
 */
import { parse } from "smol-toml";
import { type Format, importFiles } from "../../src/import/import.ts";
import { KNOWN_DIRECTIVES } from "../../src/import/nginx/directives.ts";
import { formatFindings, type Finding } from "../../src/import/report.ts";
import { SourceFile } from "../../src/import/source.ts";
import { optionNames } from "../../src/import/uwsgi/option-names.ts";
import { writePlan } from "../../src/import/write.ts";
import type { Drawn, FuzzTarget } from "./run.ts";
import type { Dice } from "./wires.ts";

export interface Imported {
  readonly findings: readonly Finding[];
  readonly toml: string;
}

export type ImportText = (format: Format, text: string) => Imported;

/** Nothing is there: what a text includes cannot be read. */
const FOLDER = "/nowhere";

export function importText(format: Format, text: string): Imported {
  const name = format === "nginx" ? "nginx.conf" : "uwsgi.ini";
  const { plan, report } = importFiles([new SourceFile(name, `${FOLDER}/${name}`, text)], {});
  return { findings: report.findings, toml: writePlan(plan) };
}

export function makeImportTarget(format: Format, run: ImportText): FuzzTarget {
  const draw = format === "nginx" ? drawNginx : drawUwsgi;
  return {
    name: `import-${format}`,
    draw: (dice) => damaged(draw(dice), dice),
    judge: (drawn) => judge(format, run, drawn),
  };
}

function judge(format: Format, run: ImportText, { wire, sound }: Drawn): string | undefined {
  const text = Buffer.from(wire, "latin1").toString("utf8");
  const seen = run(format, text);
  for (const finding of seen.findings) {
    const breach = misplaced(finding);
    if (breach !== undefined) return breach;
  }
  try {
    parse(seen.toml);
  } catch (error) {
    return `3: ${String(error)} in\n${seen.toml}`;
  }
  if (sound === 0) return undefined;
  const other = run(format, `\uFEFF${text.replaceAll("\n", "\r\n")}`);
  const [one, two] = [seen, other].map((each) => shown(each));
  if (one !== two) return `4: lines end otherwise, and it is ${two}, not ${one}`;
  return untold(format, text, seen);
}

function misplaced(finding: Finding): string | undefined {
  const { origin, sentence } = finding;
  const { file, offset, length } = origin;
  if (offset < 0 || length < 0 || offset + length > file.text.length + 1)
    return `2: stands at ${offset}+${length} of ${file.text.length}: ${sentence}`;
  if (sentence === "" || sentence.includes("undefined")) return `2: says ${JSON.stringify(sentence)}`;
  const { line, column } = file.positionOf(offset);
  if (line < 1 || column < 1) return `2: stands in line ${line}, column ${column}`;
  return formatFindings([finding], { colour: false }).endsWith("\n") ? undefined : "2: is shown without an end of line";
}

function shown({ toml, findings }: Imported): string {
  const told = findings.map(({ verdict, directive, sentence }) => `${verdict} ${directive}: ${sentence}`);
  return `${toml}\n${told.join("\n")}`;
}

/** Lines of a sound text hold one each. Of blocks of data, and of those that do not hold, the first line tells. */
function untold(format: Format, text: string, { findings }: Imported): string | undefined {
  const told = new Set(findings.map(({ origin }) => origin.file.positionOf(origin.offset).line));
  const [opens, closes] = format === "nginx" ? [/^(?:map|types|geo)\b.*\{$/, /^\}$/] : [/^if-/, /^endif/];
  let isInside = false;
  for (const [index, line] of text.split("\n").entries()) {
    if (isInside) {
      isInside = !closes.test(line);
      continue;
    }
    const isOne = format === "nginx" ? /^\w/.test(line) : /^[\w-]+ *=/.test(line);
    if (isOne && !told.has(index + 1)) return `5: nothing is told of ${line}`;
    isInside = opens.test(line);
  }
  return undefined;
}

/** Half of them stay as they are. */
function damaged(text: string, dice: Dice): Drawn {
  if (dice.oneIn(2)) return { wire: Buffer.from(text).latin1Slice(), sound: 1 };
  let wire = Buffer.from(text).latin1Slice();
  for (let wounds = 1 + dice.below(4); wounds > 0; wounds--) {
    const at = dice.below(wire.length + 1);
    wire = wire.slice(0, at) + dice.pick(WOUNDS) + wire.slice(at + dice.below(5));
  }
  return { wire, sound: 0 };
}

const WOUNDS = [
  ..."{};\"'\\#$()[]%@=: \n\r\t\0",
  "{{ x }}",
  "{% if %}",
  "${",
  "$ENV{",
  "\u00ef\u00bb\u00bf",
  "\u00ff\u00fe",
  "[uwsgi]\n",
  "\\\n",
  "content_by_lua_block {",
  "__NAME__",
  "",
];

const VALUES = [
  ..."1 0 on off auto 10m 30d 1k -1 _ * http://127.0.0.1:8000 http://127.0.0.1:8000/x/ unix:/run/x.sock 127.0.0.1:8001 80".split(
    " ",
  ),
  ..."8080 [::]:80 443 ssl default_server example.org *.example.org ~^(?<a>.+)\\.org$ ^/x/(.*)$ /y/$1 last permanent 301 404".split(
    " ",
  ),
  ..."$host $uri $request_uri $args $http_x_a $a $nothing ${NAME} /srv/x /srv/x/ =404 @app @none zone=one:1m zone=one".split(
    " ",
  ),
  ..."rate=5r/s burst=5 nodelay text/css all 10.0.0.0/8 max always if=$x main {{x}}".split(" "),
  "'$host;\"'",
  '"a b"',
  '"a\\"b"',
  "'it is'",
  '"{}"',
  "\u00e9",
];

const NAMES = [...KNOWN_DIRECTIVES].filter((name) => name !== "include" && !name.endsWith("_by_lua_block"));
const BLOCKS = ["server", "location", "if", "upstream", "map", "types", "limit_except", "geo", "http", "events"];
const HEADS: Readonly<Record<string, readonly string[]>> = {
  location: ["/", "/x/", "/x", "= /x", "^~ /y/", "~ \\.css$", "~* ^/(?<a>[a-z]+)/", "@app"],
  if: ["($host = a)", "(-f /srv/x)", "($a)", "($http_cookie ~* x)", "($request_method !~ ^(GET|HEAD)$ )"],
  upstream: ["app", "one"],
  map: ["$host $a", "$uri $b"],
  geo: ["$geo"],
  limit_except: ["GET"],
};

function drawNginx(dice: Dice): string {
  const lines: string[] = [];
  const isWhole = dice.oneIn(2);
  if (isWhole) lines.push("http {");
  for (let servers = 1 + dice.below(2); servers > 0; servers--) {
    lines.push("server {", "listen 80;");
    drawBlock(dice, lines, 2);
    lines.push("}");
  }
  if (isWhole) lines.push("}");
  return `${lines.join("\n")}\n`;
}

function drawBlock(dice: Dice, lines: string[], depth: number): void {
  for (let count = dice.below(6); count > 0; count--) {
    if (depth > 0 && dice.oneIn(3)) {
      const name = dice.pick(BLOCKS);
      const head = HEADS[name] === undefined ? "" : ` ${dice.pick(HEADS[name])}`;
      lines.push(`${name}${head} {`);
      drawBlock(dice, lines, name === "map" || name === "types" || name === "geo" ? 0 : depth - 1);
      lines.push("}");
    } else lines.push(`${[dice.pick(NAMES), ...words(dice)].join(" ")};`);
  }
}

function words(dice: Dice): string[] {
  return Array.from({ length: dice.below(4) }, () => dice.pick(VALUES));
}

const INI_VALUES = [
  ..."true false 1 4 60 :8000 127.0.0.1:3031 /run/x.sock /srv/x x.wsgi x.wsgi:app /static=/srv/static /a=x:app A=b".split(
    " ",
  ),
  ..."%n %d %(workers) %(%k*2) %(none) $(HOME) $(none) @(none) 660 a:b www-data python3 file:/x =0 -1 1m".split(" "),
  "0 0 -1 -1 -1 date",
  "celery -A x worker",
  "^/x redirect:/y",
  "X-A: b",
  "4 ; comment",
  "\u00e9",
  "",
];

const OPTIONS = optionNames().filter((name) => !/^(?:for|for-.*|end.*|if.*|ini|inherit|include|config)$/.test(name));

function drawUwsgi(dice: Dice): string {
  const lines = ["[uwsgi]", "module = x.wsgi", "http-socket = :8000"];
  for (let count = dice.below(10); count > 0; count--) lines.push(`${dice.pick(OPTIONS)} = ${dice.pick(INI_VALUES)}`);
  if (dice.oneIn(3)) lines.push("if-env = HOME", "threads = 2", "endif =");
  if (dice.oneIn(4)) lines.push("; a comment", "# another", "");
  return `${lines.join("\n")}\n`;
}
