/**
 * The manual pages server(1) and server.toml(5), from the table of commands and the schema, in man(7) macros, which groff and
 * mandoc both take.
 */
import { version } from "../../package.json";
import type { Key } from "../config/keys.ts";
import { INTRO, SECTIONS, standing } from "../config/reference.ts";
import { HELP_OPTION } from "./arguments.ts";
import { type Command, flagsOf } from "./command.ts";

/** Of the form of these pages; what they say is of the executable that prints them. */
const DATE = "2026-11-29";

export function commandsPage(commands: readonly Command[]): string {
  const sections = commands.map((command) => {
    const options = Object.entries({ ...command.options, help: HELP_OPTION });
    const lines = options.map(
      ([name, option]) =>
        `.TP\n${flagsOf(name, option).map(bold).join(", ")}${option.value === "" ? "" : ` \\fI${option.value}\\fR`}\n${prose(option.doc)}`,
    );
    const usage = `server ${command.name} ${command.usage}`.trimEnd();
    return `.SS ${escape(command.name)}\n\\fB${escape(usage)}\\fR\n.PP\n${prose(`${command.summary}. ${command.doc}`)}${lines.join("")}`;
  });
  return `${head("SERVER", 1, "User Commands")}.SH NAME
server \\- reverse proxy, static file server and WSGI application server
.SH SYNOPSIS
.B server
.I COMMAND
[\\fIoptions\\fR]
.SH DESCRIPTION
One executable that takes the place of nginx and uWSGI in front of a Django (any WSGI) project, with one file,
.BR server.toml (5).
.SH COMMANDS
${sections.join("")}.SH EXIT STATUS
0 done, 1 failed, 2 usage or configuration.
.SH SEE ALSO
.BR server.toml (5)
`;
}

export function filePage(): string {
  const shown = SECTIONS.map(({ title, intro: text, schema }) => {
    const keys = Object.entries(schema).map(([name, key]) => keyEntry(name, key));
    return `.SH ${escape(title)}\n${prose(text)}${keys.join("")}`;
  });
  return `${head("SERVER.TOML", 5, "File Formats")}.SH NAME
server.toml \\- the configuration of server
.SH DESCRIPTION
${prose(INTRO.replace(/^# .*\n/, ""))}${shown.join("")}.SH SEE ALSO
.BR server (1)
`;
}

function keyEntry(name: string, key: Key<unknown>): string {
  const { doc, kind, only } = key;
  const beside = only === undefined ? "" : ` Only beside ${only}.`;
  const should = `Should be ${kind.expected}.${standing(key)}`;
  return `.TP\n\\fB${escape(name)}\\fR\n${prose(`${doc}${beside}`)}.IP\n${prose(should)}`;
}

function head(title: string, section: number, of: string): string {
  return `.TH ${title} ${section} ${DATE} "server ${version}" "${of}"\n`;
}

/** Paragraphs, lists and fenced code as Markdown writes them, ending with a line break. */
function prose(markdown: string): string {
  const blocks = markdown.trim().split(/(```[a-z]*\n[\s\S]*?```)/);
  return blocks
    .filter((each) => each.trim() !== "")
    .map(block)
    .join(".PP\n");
}

function block(text: string): string {
  const code = /^```[a-z]*\n([\s\S]*?)```$/.exec(text)?.[1];
  if (code !== undefined) return `.nf\n${code.trimEnd().split("\n").map(guarded).join("\n")}\n.fi\n`;
  const paragraphs = text.trim().split(/\n\s*\n/);
  const shown = paragraphs.map((each) => (each.startsWith("- ") ? list(each) : line(each)));
  // A list begins paragraphs of its own.
  return shown.map((each, index) => (index === 0 || each.startsWith(".IP") ? each : `.PP\n${each}`)).join("");
}

function list(text: string): string {
  const items = text.split(/\n(?=- )/);
  return items.map((each) => `.IP \\(bu 2\n${line(each.slice(2))}`).join("");
}

/** One line of roff, its code in bold. */
function line(text: string): string {
  const joined = text.replace(/\s*\n\s*/g, " ").trim();
  const parts = joined.split(/`([^`]+)`/);
  return `${guarded(parts.map((each, index) => (index % 2 === 1 ? `\u0001${each}\u0002` : each)).join(""))}\n`;
}

/** What a line may not begin with is shielded. */
function guarded(text: string): string {
  const escaped = escape(text).replaceAll("\u0001", "\\fB").replaceAll("\u0002", "\\fR");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** Characters with a meaning for roff, and quotes and dashes that it would make typographic. */
function escape(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll('"', "\\(dq");
}

function bold(flag: string): string {
  return `\\fB${escape(flag)}\\fR`;
}
