/**
 * Access log lines of a format of one's own (nginx: log_format): a template, its values escaped so that what a client sent
 * can neither end a quoted string nor start a line. `default` is nginx's: controls, `"`, `\` and bytes from 0x7f up are
 * `\xNN`, and nothing is `-`; `json` is for lines that are JSON: the escapes of RFC 8259, and nothing is nothing.
 */
import type { Exchange } from "../exchange/exchange.ts";
import type { Template } from "../exchange/template.ts";
import { quoted } from "./access-log.ts";

export type LogEscape = "default" | "json";

/** Makes the line of an exchange that is over, with its line feed. */
export type LogLine = (exchange: Exchange) => string;

export function makeLogLine(template: Template, escape: LogEscape): LogLine {
  const escaped = escape === "json" ? jsonEscaped : quoted;
  return (exchange) => {
    let line = "";
    for (const part of template.parts) line += typeof part === "string" ? part : escaped(part.read(exchange));
    return `${line}\n`;
  };
}

// eslint-disable-next-line no-control-regex
const UNSAFE_IN_JSON = /["\\\x00-\x1f\x7f]/g;

/** Bytes from 0x80 up are left: they are UTF-8, or what the client meant by them. */
function jsonEscaped(text: string): string {
  return text.replace(UNSAFE_IN_JSON, (c) => {
    if (c === '"' || c === "\\") return `\\${c}`;
    return `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}
