/**
 * What HTTP says about one state of one file (RFC 9110 section 8): validators, type, and the reply heads made from them,
 * prepared once. Not its bytes.
 *
 * The ETag is strong, in nginx's form but with nanoseconds: "mtime-size" in hexadecimal, so that a file rewritten twice
 * within a second is told apart. The inode is left out: the same file on two servers has the same tag.
 */
import type { BigIntStats } from "node:fs";
import { formatHttpDate } from "../protocol/http/date.ts";
import { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";

export interface RepresentationOptions {
  readonly cacheControl: string | undefined;
  readonly contentType: string;
}

/** A part of the file, or all of it, with the head that goes before it. */
export interface Span {
  readonly head: ReplyHead;
  readonly first: number;
  readonly length: number;
}

export class Representation {
  readonly size: number;
  readonly etag: string;
  /** Last-Modified, as text and as whole milliseconds since 1970. */
  readonly lastModified: string;
  readonly lastModifiedMs: number;
  /** 200 with everything. */
  readonly whole: Span;
  private readonly options: RepresentationOptions;

  /** `nowMs`, wall clock: RFC 9110 section 8.8.2.1 allows no Last-Modified in the future. */
  constructor(stats: BigIntStats, options: RepresentationOptions, nowMs: number) {
    this.options = options;
    this.size = Number(stats.size);
    this.etag = `"${stats.mtimeNs.toString(16)}-${stats.size.toString(16)}"`;
    const modifiedMs = Math.min(Number(stats.mtimeNs / 1_000_000n), nowMs);
    this.lastModifiedMs = Math.floor(modifiedMs / 1000) * 1000;
    this.lastModified = formatHttpDate(this.lastModifiedMs);
    this.whole = { head: this.head(200, this.size, undefined), first: 0, length: this.size };
  }

  /** RFC 9110 section 15.4.5: the fields that a 200 would have had for caches. */
  notModified(): ReplyHead {
    // The length of what is not sent need not be announced (section 8.6), and nginx does not.
    return { status: 304, reason: undefined, fields: this.cacheFields(), length: LENGTH_UNKNOWN };
  }

  /** Bytes `first` to `last`, both included. */
  partial(first: number, last: number): Span {
    const length = last - first + 1;
    return { head: this.head(206, length, `bytes ${first}-${last}/${this.size}`), first, length };
  }

  private head(status: number, length: number, contentRange: string | undefined): ReplyHead {
    const fields = this.cacheFields();
    fields.add("Content-Type", this.options.contentType);
    fields.add("Accept-Ranges", "bytes");
    if (contentRange !== undefined) fields.add("Content-Range", contentRange);
    return { status, reason: undefined, fields, length };
  }

  private cacheFields(): Fields {
    const fields = Fields.of([
      ["Last-Modified", this.lastModified],
      ["ETag", this.etag],
    ]);
    if (this.options.cacheControl !== undefined) fields.add("Cache-Control", this.options.cacheControl);
    return fields;
  }
}
