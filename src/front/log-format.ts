/**
 * The formats of access log lines (nginx: log_format): a template, its values escaped so that what a client sent can
 * neither end a quoted string nor start a line. `default` is nginx's escape: controls, `"`, `\` and bytes from 0x7f up are
 * `\xNN`, and nothing is `-`; `json` is for lines that are JSON: the escapes of RFC 8259, and nothing is nothing.
 */
import { isUtf8 } from "node:buffer";
import type { Exchange } from "../exchange/exchange.ts";
import type { LogEscape } from "../exchange/log-formats.ts";
import type { Template } from "../exchange/template.ts";

/** Makes the line of an exchange that is over, with its line feed, in two parts: either may be kept for lines that have the same. */
export interface LogLine {
  begin(exchange: Exchange): string;
  end(exchange: Exchange): string;
}

/** A line that is made in one part, as it is another each time. */
export function wholeLine(make: (exchange: Exchange) => string): LogLine {
  return { begin: make, end: () => "" };
}

export function makeLogLine(template: Template, escape: LogEscape): LogLine {
  const escaped = escape === "json" ? jsonEscaped : quoted;
  return wholeLine((exchange) => {
    let line = "";
    for (const part of template.parts) line += typeof part === "string" ? part : escaped(part.read(exchange));
    return `${line}\n`;
  });
}

// eslint-disable-next-line no-control-regex
const UNSAFE = /["\\\x00-\x1f\x7f-\xff]/;

/** What a client sent can neither end its quotes nor start a line: `"`, `\`, controls and bytes from 0x7f up become
 *  `\xNN`, as nginx does. Absent: `-`. */
export function quoted(text: string | undefined): string {
  if (text === undefined || text === "") return "-";
  if (!UNSAFE.test(text)) return text;
  let safe = "";
  for (const c of text)
    safe += UNSAFE.test(c) ? `\\x${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}` : c;
  return safe;
}

// eslint-disable-next-line no-control-regex
const UNSAFE_IN_JSON = /["\\\x00-\x1f\x7f]/g;

/** Bytes from 0x80 up are left where they are UTF-8; otherwise the line would be no JSON, and they are escaped, too. */
function jsonEscaped(text: string): string {
  if (!UNSAFE.test(text)) return text;
  const escaped = text.replace(UNSAFE_IN_JSON, (c) => (c === '"' || c === "\\" ? `\\${c}` : unicode(c)));
  return isUtf8(Buffer.from(escaped, "latin1")) ? escaped : escaped.replace(/[\x80-\xff]/g, unicode);
}

function unicode(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}
