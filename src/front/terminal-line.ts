/**
 * A line of the access log for somebody who watches a terminal (`access_log_format = "short"`): the numbers in columns, the
 * status in a colour that says how it went.
 *
 *   21:36:01 200     3 ms   1.2 KiB GET /static/site.css
 */
import { monotonicMs } from "../base/clock.ts";
import type { Masking } from "../exchange/masking.ts";
import { clockOf } from "../base/time-of-day.ts";
import { SecondText } from "../exchange/time-text.ts";
import { type LogLine, quoted, wholeLine } from "./log-format.ts";

/** SGR: faint for what went well and is not news, then green, cyan, yellow, red by the class of the status. */
const COLOURS: Readonly<Record<string, number>> = { "2": 32, "3": 36, "4": 33, "5": 31 };
const BOLD = 1;
const FAINT = 2;

const KIB = 1024;

export function makeTerminalLine(masking: Masking, colour: boolean): LogLine {
  const time = new SecondText(clockOf);
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  return wholeLine(({ head, finalStatus, contentBytes, startedMs }) => {
    const { method, target } = head;
    const status = paint(COLOURS[String(finalStatus)[0] ?? ""] ?? BOLD, String(finalStatus));
    const took = durationText(monotonicMs() - startedMs).padStart(8);
    const size = sizeText(contentBytes).padStart(9);
    const shown = quoted(target.includes("?") ? masking.url(target) : target);
    // What was refused before it could be read may have no method.
    const request = method === "" ? shown : `${paint(BOLD, quoted(method))} ${shown}`;
    return `${paint(FAINT, time.now())} ${status} ${took} ${paint(FAINT, size)} ${request}\n`;
  });
}

function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function sizeText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  return bytes < KIB * KIB ? `${(bytes / KIB).toFixed(1)} KiB` : `${(bytes / KIB / KIB).toFixed(1)} MiB`;
}
