/**
 * The chunked transfer coding, decoded (RFC 9112 section 7.1): chunks, the last chunk, the trailer section. The body is
 * complete only with the CRLF after the trailers. Trailers are parsed like any field lines and never merged into the head.
 *
 * Small chunks that came together are moved together in the buffer they lie in (which is ours), so that a body of one-byte
 * chunks costs its reader one event for each packet, not one for each byte.
 */
import { EMPTY } from "../../base/bytes.ts";
import { Fields } from "../http/fields.ts";
import type { BodyDecoder, BodyStep } from "./body.ts";
import { ChunkLine } from "./chunk-line.ts";
import { HeadFailure } from "./failure.ts";
import { FieldNotes, type FieldRules, parseFieldLines } from "./field-lines.ts";
import type { Intake } from "./intake.ts";
import { FRAMING_MARKS } from "./known-fields.ts";
import { CHUNK_MOVE_BYTES_MAX, TRAILER_BYTES_MAX, TRAILERS_MAX } from "./limits.ts";
import { CR, LF } from "./scan.ts";
import { SectionSearch } from "./section-search.ts";

const TRAILER_RULES: FieldRules = { fieldsMax: TRAILERS_MAX, singletons: 0, forbidden: FRAMING_MARKS };

/** Parsing is synchronous and leaves nothing in this that lives on. */
const notes = new FieldNotes();

type Place = "line" | "content" | "content-cr" | "content-lf" | "trailers" | "end" | "failed";

export class ChunkedDecoder implements BodyDecoder {
  data: Uint8Array = EMPTY;
  failure: HeadFailure | undefined = undefined;
  trailers: Fields | undefined = undefined;
  private place: Place = "line";
  private readonly line = new ChunkLine();
  /** Content bytes of this chunk still to come. */
  private remaining = 0;
  private search: SectionSearch | undefined = undefined;
  /** Content found in this pull: `bytes[from, from + found)` of the intake. */
  private from = 0;
  private found = 0;

  pull(intake: Intake): BodyStep {
    const { bytes } = intake;
    this.found = 0;
    while (intake.start < intake.end && this.step(intake, bytes));
    if (this.found > 0) {
      this.data = bytes.subarray(this.from, this.from + this.found);
      return "data";
    }
    if (this.place === "end" || this.place === "failed") return this.place;
    return "need-data";
  }

  /** One move of the state machine on at least one byte. False: this pull ends here. */
  private step(intake: Intake, bytes: Buffer): boolean {
    switch (this.place) {
      case "line":
        return this.takeLine(intake, bytes);
      case "content":
        return this.takeContent(intake, bytes);
      case "content-cr":
        return this.takeByte(intake, bytes, CR, "content-lf");
      case "content-lf":
        return this.takeByte(intake, bytes, LF, "line");
      case "trailers":
        return this.takeTrailers(intake, bytes);
      case "end":
      case "failed":
        return false;
    }
  }

  private takeLine(intake: Intake, bytes: Buffer): boolean {
    while (intake.start < intake.end) {
      const complete = this.line.take(bytes[intake.start] as number); // start < end
      intake.skip(1);
      if (complete === false) continue;
      if (complete !== true) return this.fail(complete);
      this.remaining = this.line.size;
      this.place = this.remaining === 0 ? "trailers" : "content";
      return true;
    }
    return false;
  }

  private takeContent(intake: Intake, bytes: Buffer): boolean {
    const count = Math.min(this.remaining, intake.length);
    if (this.found === 0) this.from = intake.start;
    else if (count > CHUNK_MOVE_BYTES_MAX) return false;
    else bytes.copyWithin(this.from + this.found, intake.start, intake.start + count);
    this.found += count;
    this.remaining -= count;
    if (this.remaining === 0) this.place = "content-cr";
    intake.skip(count);
    return true;
  }

  private takeByte(intake: Intake, bytes: Buffer, wanted: number, next: Place): boolean {
    if (bytes[intake.start] !== wanted) return this.fail(new HeadFailure("bad_chunk_end"));
    intake.skip(1);
    this.place = next;
    return true;
  }

  private takeTrailers(intake: Intake, bytes: Buffer): boolean {
    this.search ??= new SectionSearch();
    const result = this.search.resume(intake, TRAILER_BYTES_MAX, TRAILER_BYTES_MAX);
    if (result === "incomplete") return false;
    if (result === "too-large") return this.fail(new HeadFailure("trailers_too_large"));
    const { length } = this.search;
    const failure = this.parseTrailers(bytes, intake.start, length, result);
    if (failure !== undefined) return this.fail(failure);
    intake.skip(length);
    this.place = "end";
    return false;
  }

  /** A `broken` section ends with the byte that cannot be right, a `complete` one with its empty line. */
  private parseTrailers(
    bytes: Buffer,
    start: number,
    length: number,
    result: "complete" | "broken",
  ): HeadFailure | undefined {
    if (result === "complete" && length === 2) return undefined;
    const end = start + length - (result === "complete" ? 2 : 0);
    const trailers = new Fields();
    notes.reset();
    const text = bytes.latin1Slice(start, end);
    const failure = parseFieldLines(bytes, start, end, text, start, TRAILER_RULES, trailers, notes);
    if (failure === undefined) this.trailers = trailers;
    return failure ?? (result === "broken" ? new HeadFailure("malformed_head") : undefined);
  }

  private fail(failure: HeadFailure): boolean {
    this.failure = failure;
    this.place = "failed";
    return false;
  }
}
