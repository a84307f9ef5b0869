/**
 * Finds the end of a head or trailer section before anything of it is parsed: the first empty line. Bytes already seen are
 * not looked at again, so a section that comes byte by byte costs no more than one that comes whole.
 *
 * It also stops early at what can never become valid (bare CR, bare LF, another control byte, a start line without end),
 * so that no peer waits for a deadline to hear of it. It does not say what is wrong: the caller parses up to the bad byte
 * and reports the first mistake, so that the answer does not depend on how the bytes were cut into packets.
 * Specification: RFC 9112 section 2.2.
 */
import type { Intake } from "./intake.ts";
import { CR, LF, VALUE } from "./scan.ts";

/** `complete` and `broken`: see `length`. `too-large`: more than the caller's bytesMax, and nothing wrong so far. */
export type SearchResult = "incomplete" | "complete" | "broken" | "too-large";

export const SECTION_END = Buffer.from("\r\n\r\n", "latin1");

export class SectionSearch {
  /** After `complete`: bytes of the section with its empty line. After `broken`: bytes up to the bad one, included. */
  length = 0;
  /** Bytes of the first line with its CRLF; 0 before it is complete. Not set by a section that came whole. */
  firstLineLength = 0;
  /** Bytes looked at, from the start of the section. */
  private scanned = 0;
  private lineStart = 0;

  /** Has it looked at a part of the section? */
  get started(): boolean {
    return this.scanned > 0;
  }

  reset(): void {
    this.length = 0;
    this.firstLineLength = 0;
    this.scanned = 0;
    this.lineStart = 0;
  }

  /** For a section with a start line. */
  run(intake: Intake, bytesMax: number, firstLineBytesMax: number): SearchResult {
    if (this.scanned === 0) {
      const at = intake.bytes.indexOf(SECTION_END, intake.start);
      const length = at + SECTION_END.length - intake.start;
      // what lies behind intake.end is no content, though indexOf looks at it
      if (at !== -1 && length <= intake.length && length <= bytesMax) return this.found("complete", length);
    }
    return this.resume(intake, bytesMax, firstLineBytesMax);
  }

  /** For any section, also one that consists of nothing but the empty line. */
  resume(intake: Intake, bytesMax: number, firstLineBytesMax: number): SearchResult {
    const { bytes, start } = intake;
    const available = Math.min(intake.length, bytesMax);
    let at = this.scanned;
    while (at < available) {
      const byte = bytes[start + at] as number; // at < intake.length
      const afterCr = at > this.lineStart && bytes[start + at - 1] === CR;
      at++;
      if (afterCr !== (byte === LF) || (byte !== CR && byte !== LF && VALUE[byte] === 0))
        return this.found("broken", at);
      if (byte === LF && at - this.lineStart === 2) return this.found("complete", at);
      if (byte === LF) this.lineEnded(at);
      else if (this.firstLineLength === 0 && at > firstLineBytesMax) return this.found("broken", at);
    }
    this.scanned = at;
    return intake.length > bytesMax ? "too-large" : "incomplete";
  }

  private lineEnded(at: number): void {
    if (this.firstLineLength === 0) this.firstLineLength = at;
    this.lineStart = at;
  }

  private found(result: "complete" | "broken", length: number): SearchResult {
    this.length = length;
    return result;
  }
}
