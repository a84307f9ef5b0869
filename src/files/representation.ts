/**
 * What HTTP says about one state of one file (RFC 9110 section 8): validators, type, and the reply heads made from them,
 * prepared once. Not its bytes.
 *
 * The ETag is strong, in nginx's form but with nanoseconds: "mtime-size" in hexadecimal, so that a file rewritten twice
 * within a second is told apart. The inode is left out: the same file on two servers has the same tag.
 */
import type { FileStat } from "../os/file-stat.ts";
import { addVary, type ContentCoding } from "../exchange/content-coding.ts";
import { formatHttpDate } from "../protocol/http/date.ts";
import { fieldName, Fields } from "../protocol/http/fields.ts";
import { KeptReply } from "../protocol/http/kept-reply.ts";
import { LENGTH_UNKNOWN, PreparedHead, type ReplyHead } from "../protocol/http/message.ts";

export interface RepresentationOptions {
  readonly cacheControl: string | undefined;
  readonly contentType: string;
  /** Does what is sent depend on Accept-Encoding? */
  readonly varies?: boolean;
  /** May parts of it be asked for? Default: yes. */
  readonly ranges?: boolean;
  readonly encoding?: Encoding | undefined;
}

/** How the bytes are encoded. The tag names the coding, so that two encodings of a file are never taken for one another. */
export interface Encoding {
  readonly coding: ContentCoding;
  /** Bytes as sent, or LENGTH_UNKNOWN, when this server has made them. Its next version may make others of the same file,
   *  so the tag is weak and nothing can be asked for in parts. Undefined: the stats are of the encoded file itself. */
  readonly length: number | undefined;
}

/** So many bytes of the file from `first` on. */
export interface Span {
  readonly first: number;
  readonly length: number;
}

/** Of the file, or the bytes that stand between its parts (byteranges.ts). */
export type Piece = Span | Buffer;

/** What is sent: the head and the pieces behind it, at least one. */
export interface Selection {
  readonly head: ReplyHead;
  readonly pieces: readonly Piece[];
}

const LAST_MODIFIED = fieldName("Last-Modified");
const ETAG = fieldName("ETag");
const CACHE_CONTROL = fieldName("Cache-Control");
const CONTENT_TYPE = fieldName("Content-Type");
const ACCEPT_RANGES = fieldName("Accept-Ranges");

export class Representation {
  readonly size: number;
  readonly etag: string;
  /** Last-Modified, as text and as whole milliseconds since 1970. */
  readonly lastModified: string;
  readonly lastModifiedMs: number;
  /** 200 with everything. */
  readonly whole: Selection;
  private readonly options: RepresentationOptions;
  private unmodified: ReplyHead | undefined = undefined;

  /** `nowMs`, wall clock: RFC 9110 section 8.8.2.1 allows no Last-Modified in the future. */
  constructor(stats: FileStat, options: RepresentationOptions, nowMs: number) {
    this.options = options;
    const { encoding } = options;
    this.size = encoding?.length ?? stats.size;
    this.etag = entityTag(stats, encoding);
    const modifiedMs = Math.min(stats.mtimeSec * 1000 + stats.mtimeNsec / 1e6, nowMs);
    this.lastModifiedMs = Math.floor(modifiedMs / 1000) * 1000;
    this.lastModified = dateText(this.lastModifiedMs);
    this.whole = { head: this.head(200, this.size, undefined), pieces: [{ first: 0, length: this.size }] };
  }

  /** RFC 9110 section 15.4.5: the fields that a 200 would have had for caches. */
  notModified(): ReplyHead {
    // The length of what is not sent need not be announced (section 8.6), and nginx does not.
    return (this.unmodified ??= {
      status: 304,
      reason: undefined,
      fields: this.cacheFields(),
      length: LENGTH_UNKNOWN,
      prepared: new PreparedHead(),
    });
  }

  /** Bytes `first` to `last`, both included. */
  partial(first: number, last: number): Selection {
    const length = last - first + 1;
    return { head: this.head(206, length, `bytes ${first}-${last}/${this.size}`), pieces: [{ first, length }] };
  }

  /** Of a body of several parts, `length` bytes in all. */
  multipart(boundary: string, length: number): ReplyHead {
    const head = this.head(206, length, undefined);
    head.fields.set("Content-Type", `multipart/byteranges; boundary=${boundary}`);
    return head;
  }

  /** The same content in another form, of which `stats` are: of the sibling, or of this very file when it was made of it. */
  encoded(stats: FileStat, encoding: Encoding, nowMs: number): Representation {
    return new Representation(stats, { ...this.options, encoding }, nowMs);
  }

  get cacheControl(): string | undefined {
    return this.options.cacheControl;
  }

  /** Does what is sent depend on Accept-Encoding? */
  get varies(): boolean {
    return this.options.varies === true;
  }

  /** All of it is in memory: gives it room for its head, so that it is sent without a copy. */
  keep(room: Buffer): void {
    this.whole.head.kept = new KeptReply(room);
  }

  get contentType(): string {
    return this.options.contentType;
  }

  private head(status: number, length: number, contentRange: string | undefined): ReplyHead {
    const fields = this.cacheFields();
    const { contentType, encoding } = this.options;
    fields.add(CONTENT_TYPE, contentType);
    if (encoding !== undefined) fields.add("Content-Encoding", encoding.coding);
    if (encoding?.length === undefined && this.options.ranges !== false) fields.add(ACCEPT_RANGES, "bytes");
    if (contentRange !== undefined) fields.add("Content-Range", contentRange);
    // With its place for what is kept: one that is added later stands elsewhere in memory.
    return { status, reason: undefined, fields, length, kept: undefined };
  }

  private cacheFields(): Fields {
    const fields = new Fields().add(LAST_MODIFIED, this.lastModified).add(ETAG, this.etag);
    if (this.options.cacheControl !== undefined) fields.add(CACHE_CONTROL, this.options.cacheControl);
    if (this.options.varies === true) addVary(fields);
    return fields;
  }
}

function entityTag({ mtimeSec, mtimeNsec, size }: FileStat, encoding: Encoding | undefined): string {
  const state = `"${timeTag(mtimeSec, mtimeNsec)}-${size.toString(16)}`;
  if (encoding === undefined) return `${state}"`;
  return `${encoding.length === undefined ? "" : "W/"}${state}-${encoding.coding}"`;
}

/** Files of one release often have one time, and what was worked out for the one before serves. */
let dateMs = Number.NaN;
let dateWritten = "";

function dateText(ms: number): string {
  if (ms !== dateMs) {
    dateMs = ms;
    dateWritten = formatHttpDate(ms);
  }
  return dateWritten;
}

let tagSec = Number.NaN;
let tagNsec = 0;
let tagWritten = "";

function timeTag(sec: number, nsec: number): string {
  if (sec !== tagSec || nsec !== tagNsec) {
    tagSec = sec;
    tagNsec = nsec;
    tagWritten = sec.toString(16) + nsec.toString(16).padStart(8, "0");
  }
  return tagWritten;
}
