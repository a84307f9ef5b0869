/**
 * The head of a 200 with a whole file, as it stood on the wire, for the next file of the same kind: what differs from file to file
 * (ETag, Last-Modified, Content-Length) is written over what stands there, and the Date when its second is over. To put the fields
 * together, make a text of them and encode it costs as much as to open a small file.
 *
 *   ETag: "ssssssssnnnnnnnn-…"    seconds and nanoseconds of its time, eight digits each, and its size, in hexadecimal
 *
 * A template is for sizes that have as many digits, and for times that have eight: from July 1978 to February 2106.
 */
import type { FileStat } from "../os/file-stat.ts";
import type { KeptReply } from "../protocol/http/kept-reply.ts";
import type { Representation } from "./representation.ts";

const SECONDS_MIN = 0x1000_0000;
const SECONDS_MAX = 0x7fff_ffff;

/** Sizes whose digits are worth a template: those of small files. */
const SIZE_MAX = 99_999;

const ZERO = 0x30;
/** From `9` to `a`. */
const TO_LETTERS = 0x61 - 0x3a;

/** The templates of one kind, by the digits of sizes. */
export class HeadTemplates {
  private readonly made: (HeadTemplate | undefined)[] = Array.from({ length: 36 }, () => undefined);

  /** Undefined: there is none yet for such a file, or can be none. */
  for({ stats, nowMs }: Representation): HeadTemplate | undefined {
    return isUsual(stats, nowMs) ? this.made[slotOf(stats.size)] : undefined;
  }

  /** `kept` has the head of this representation, just encoded. */
  learn(kept: KeptReply, representation: Representation): void {
    const { stats, nowMs } = representation;
    if (!isUsual(stats, nowMs) || this.made[slotOf(stats.size)] !== undefined) return;
    this.made[slotOf(stats.size)] = HeadTemplate.of(kept, representation);
  }
}

function isUsual({ size, mtimeSec }: FileStat, nowMs: number): boolean {
  if (size > SIZE_MAX || mtimeSec < SECONDS_MIN || mtimeSec > SECONDS_MAX) return false;
  // A second of the future is not told.
  return mtimeSec * 1000 <= nowMs;
}

/** At most five digits of either kind. */
function slotOf(size: number): number {
  return decimals(size) * 6 + hexadecimals(size);
}

function decimals(size: number): number {
  if (size < 100) return size < 10 ? 1 : 2;
  if (size < 10_000) return size < 1000 ? 3 : 4;
  return 5;
}

function hexadecimals(size: number): number {
  if (size < 0x100) return size < 0x10 ? 1 : 2;
  if (size < 0x1_0000) return size < 0x1000 ? 3 : 4;
  return 5;
}

export class HeadTemplate {
  private readonly bytes: Buffer;
  /** Where the values stand. */
  private readonly dateAt: number;
  private readonly modifiedAt: number;
  private readonly tagAt: number;
  private readonly lengthAt: number;
  /** What stands there. */
  private date: string;
  private modifiedSec: number;

  private constructor(kept: KeptReply, representation: Representation, places: readonly number[]) {
    const [dateAt = 0, modifiedAt = 0, tagAt = 0, lengthAt = 0] = places;
    this.bytes = Buffer.from(kept.bytes.subarray(kept.start, kept.contentAt));
    this.dateAt = dateAt;
    this.modifiedAt = modifiedAt;
    this.tagAt = tagAt;
    this.lengthAt = lengthAt;
    this.date = kept.date;
    this.modifiedSec = representation.stats.mtimeSec;
  }

  /** Undefined when the head has not all of these fields, or others of their values. */
  static of(kept: KeptReply, representation: Representation): HeadTemplate | undefined {
    const text = kept.bytes.latin1Slice(kept.start, kept.contentAt);
    const { lastModified, etag, size } = representation;
    const places = [
      placeOf(text, "Date: ", kept.date),
      placeOf(text, "Last-Modified: ", lastModified),
      placeOf(text, 'ETag: "', etag.slice(1)),
      placeOf(text, "Content-Length: ", `${size}`),
    ];
    return places.includes(-1) ? undefined : new HeadTemplate(kept, representation, places);
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Becomes the head of this file, for which it is, and stands before its content then. `date`: of now. */
  fill(kept: KeptReply, representation: Representation, date: string): void {
    const { bytes, tagAt, lengthAt } = this;
    const { size, mtimeSec, mtimeNsec } = representation.stats;
    if (date !== this.date) {
      bytes.latin1Write(date, this.dateAt, date.length);
      this.date = date;
    }
    if (mtimeSec !== this.modifiedSec) {
      const { lastModified } = representation;
      bytes.latin1Write(lastModified, this.modifiedAt, lastModified.length);
      this.modifiedSec = mtimeSec;
    }
    writeHexadecimal(bytes, tagAt, 8, mtimeSec);
    writeHexadecimal(bytes, tagAt + 8, 8, mtimeNsec);
    writeHexadecimal(bytes, tagAt + 17, hexadecimals(size), size);
    writeDecimal(bytes, lengthAt, decimals(size), size);
    kept.take(bytes, this.dateAt, date);
  }
}

/** Of the value, in a line of its own; -1 when there is none. */
function placeOf(text: string, begin: string, value: string): number {
  const line = text.indexOf(`\r\n${begin}${value}\r\n`);
  return line === -1 ? -1 : line + 2 + begin.length;
}

function writeHexadecimal(into: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value | 0;
  for (let i = at + digits - 1; i >= at; i--) {
    const digit = ZERO + (rest & 15);
    into[i] = digit > 0x39 ? digit + TO_LETTERS : digit;
    rest >>>= 4;
  }
}

function writeDecimal(into: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value | 0;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0;
    into[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
}
