/**
 * What HTTP says about one state of one file (RFC 9110 section 8): validators, type, and the reply heads made from them,
 * prepared once. Not its bytes.
 *
 * The ETag is strong, in nginx's form but with nanoseconds: "mtime-size" in hexadecimal, so that a file rewritten twice
 * within a second is told apart. The inode is left out: the same file on two servers has the same tag.
 */
import type { FileStat } from "../os/file-stat.ts";
import { addVary, type ContentCoding } from "../exchange/content-coding.ts";
import type { HeadTemplates } from "./head-template.ts";
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
  /** What the heads of files with these options have looked like; not of encoded ones. */
  readonly templates?: HeadTemplates | undefined;
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

/** Of a 200 with everything. Its fields are made when somebody asks for them: nobody does where a template of the head is at hand. (Whoever
 *  makes another head of it must say so of each property: `fields` is none that a spread would copy.) */
class WholeHead implements ReplyHead {
  readonly status: number = 200;
  readonly reason: string | undefined = undefined;
  readonly length: number;
  /** With its place for what is kept: one that is added later stands elsewhere in memory. */
  kept: KeptReply | undefined = undefined;
  private readonly representation: Representation;
  private made: Fields | undefined = undefined;

  constructor(representation: Representation) {
    this.length = representation.size;
    this.representation = representation;
  }

  get fields(): Fields {
    return (this.made ??= this.representation.fields());
  }
}

export class Representation {
  readonly stats: FileStat;
  readonly options: RepresentationOptions;
  readonly size: number;
  /** 200 with everything. */
  readonly head: ReplyHead;
  /** Wall clock, when it was made. */
  readonly nowMs: number;
  private tag: string | undefined = undefined;
  private selection: Selection | undefined = undefined;
  private unmodified: ReplyHead | undefined = undefined;

  /** `nowMs`, wall clock: RFC 9110 section 8.8.2.1 allows no Last-Modified in the future. */
  constructor(stats: FileStat, options: RepresentationOptions, nowMs: number) {
    this.stats = stats;
    this.options = options;
    this.nowMs = nowMs;
    this.size = options.encoding?.length ?? stats.size;
    this.head = new WholeHead(this);
  }

  get etag(): string {
    return (this.tag ??= entityTag(this.stats, this.options.encoding));
  }

  /** Last-Modified as text. */
  get lastModified(): string {
    return dateText(this.lastModifiedMs);
  }

  /** Last-Modified as whole milliseconds since 1970: its own second, or that of now if that comes before. */
  get lastModifiedMs(): number {
    return Math.min(this.stats.mtimeSec, Math.floor(this.nowMs / 1000)) * 1000;
  }

  /** `head` with all of the file. */
  get whole(): Selection {
    return (this.selection ??= { head: this.head, pieces: [{ first: 0, length: this.size }] });
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
    return { head: this.part(length, `bytes ${first}-${last}/${this.size}`), pieces: [{ first, length }] };
  }

  /** Of a body of several parts, `length` bytes in all. */
  multipart(contentType: string, length: number): ReplyHead {
    const head = this.part(length, undefined);
    head.fields.set("Content-Type", contentType);
    return head;
  }

  /** The same content in another form, of which `stats` are: of the sibling, or of this very file when it was made of it. */
  encoded(stats: FileStat, encoding: Encoding, nowMs: number): Representation {
    return new Representation(stats, { ...this.options, encoding, varies: true, templates: undefined }, nowMs);
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
    this.head.kept = new KeptReply(room);
  }

  get contentType(): string {
    return this.options.contentType;
  }

  /** 206, RFC 9110 section 15.3.7. */
  private part(length: number, contentRange: string | undefined): ReplyHead {
    const fields = this.fields();
    if (contentRange !== undefined) fields.add("Content-Range", contentRange);
    return { status: 206, reason: undefined, fields, length, kept: undefined };
  }

  /** Of a 200, new each time. */
  fields(): Fields {
    const fields = this.cacheFields();
    const { contentType, encoding, ranges } = this.options;
    fields.add(CONTENT_TYPE, contentType);
    if (encoding !== undefined) fields.add("Content-Encoding", encoding.coding);
    if (encoding?.length === undefined && ranges !== false) fields.add(ACCEPT_RANGES, "bytes");
    return fields;
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
