/**
 * Which replies are compressed, and what becomes of their heads (RFC 9110 sections 8.4, 8.8.3, 12.5.5, 14.4; RFC 9111
 * section 5.2.2.6). Decided from the head alone, so that HEAD and GET get the same answer. Not here: whether the client
 * takes a coding (content-coding.ts).
 *
 * Left as they are: what has a Content-Encoding, what is a part (206), what says `no-transform`, what carries a digest of
 * its bytes, what has no content, what is smaller than worth it, and every type that is not on the list.
 */
import { Fields, type FieldName } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { addVary, CONTENT_CODINGS, type ContentCoding } from "./content-coding.ts";
import { ENCODER_LEVELS, type EncoderLevels } from "./encoder.ts";

/** Types that shrink. text/event-stream shrinks too, but is only touched when a list names it: some readers of such
 *  streams lie behind proxies that hold compressed ones back. nginx: text/html alone. */
export const COMPRESSED_TYPES: readonly string[] = [
  "text/*",
  "*/*+json",
  "*/*+xml",
  "application/javascript",
  "application/json",
  "application/graphql",
  "application/postscript",
  "application/rtf",
  "application/sql",
  "application/toml",
  "application/vnd.apple.mpegurl",
  "application/vnd.ms-fontobject",
  "application/wasm",
  "application/x-javascript",
  "application/x-ndjson",
  "application/x-perl",
  "application/x-tcl",
  "application/xml",
  "application/yaml",
  "font/collection",
  "font/otf",
  "font/ttf",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
  "model/obj",
  "model/stl",
];

/** Below this the fields that a coding costs, and its CPU, buy nothing: it is one packet either way. nginx: 20, Caddy: 512. */
export const COMPRESSED_BYTES_MIN = 512;

export interface CompressionOptions {
  /** In our order of preference, for codings that the client likes equally. */
  readonly codings: readonly ContentCoding[];
  readonly levels: EncoderLevels;
  /** Content of a known length below this is sent as it is. */
  readonly bytesMin: number;
  /** Media types, in which a star stands for any characters of one part. */
  readonly types: readonly string[];
}

export const DEFAULT_COMPRESSION: CompressionOptions = {
  codings: CONTENT_CODINGS,
  levels: ENCODER_LEVELS,
  bytesMin: COMPRESSED_BYTES_MIN,
  types: COMPRESSED_TYPES,
};

const KNOWN_TYPES_MAX = 512;
const KNOWN_TYPE_LENGTH_MAX = 128;

/** A list of media types with stars; parameters do not count. */
export class TypeList {
  private readonly pattern: RegExp;
  private readonly namesStreams: boolean;
  private readonly known = new Map<string, boolean>();

  constructor(types: readonly string[]) {
    // An empty list lists nothing, not the empty type.
    this.pattern = types.length === 0 ? /(?!)/ : new RegExp(`^(?:${types.map(typeSource).join("|")})$`);
    this.namesStreams = types.includes(EVENT_STREAM);
  }

  has(contentType: string): boolean {
    const known = this.known.get(contentType);
    if (known !== undefined) return known;
    const type = (contentType.split(";", 1)[0] as string).trim().toLowerCase();
    const listed = this.pattern.test(type) && (type !== EVENT_STREAM || this.namesStreams);
    if (this.known.size < KNOWN_TYPES_MAX && contentType.length <= KNOWN_TYPE_LENGTH_MAX)
      this.known.set(contentType, listed);
    return listed;
  }
}

const EVENT_STREAM = "text/event-stream";

function typeSource(type: string): string {
  return type
    .toLowerCase()
    .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]+");
}

/** Could a reply with this head be sent compressed, to a client that takes it? */
export function isCompressible(head: ReplyHead, types: TypeList, bytesMin: number): boolean {
  const { status, fields, length } = head;
  if (!mayHaveContent(status) || (length !== LENGTH_UNKNOWN && length < bytesMin) || length === 0) return false;
  const type = fields.get("content-type");
  if (type === undefined || !types.has(type)) return false;
  for (let i = 0; i < fields.length; i++) if (forbids(fields.names[i] as FieldName, fields.values[i])) return false;
  return true;
}

/** 206: a part of the bytes as they are; 205, 204 and 304 have none. */
function mayHaveContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 205 && status !== 206 && status !== 304;
}

function forbids({ lower }: FieldName, value: string | undefined): boolean {
  switch (lower) {
    case "content-encoding":
      return value?.toLowerCase() !== "identity";
    case "cache-control":
      return /(?:^|[,\t ])no-transform(?:$|[,\t ])/i.test(value ?? "");
    // of the bytes as they are (RFC 9530; RFC 2616 section 14.15)
    case "content-range":
    case "content-md5":
    case "digest":
    case "content-digest":
    case "repr-digest":
      return true;
    default:
      return false;
  }
}

/** The head of the compressed reply. Its tag is weak: the same content, not the same bytes; Range no longer counts in it. */
export function compressedHead(head: ReplyHead, coding: ContentCoding, length: number): ReplyHead {
  const fields = new Fields();
  for (let i = 0; i < head.fields.length; i++) {
    // Both arrays have `length` elements.
    const name = head.fields.names[i] as FieldName;
    const value = head.fields.values[i] as string;
    if (name.lower === "accept-ranges" || name.lower === "content-length" || name.lower === "content-encoding")
      continue;
    fields.add(name, name.lower === "etag" ? weakened(value) : value);
  }
  fields.add("Content-Encoding", coding);
  addVary(fields);
  return { status: head.status, reason: head.reason, fields, length };
}

export function weakened(etag: string): string {
  return etag.startsWith('"') ? `W/${etag}` : etag;
}

/** The head of a reply that another client would have got compressed. */
export function varyingHead(head: ReplyHead): ReplyHead {
  const fields = Fields.of(head.fields.pairs());
  addVary(fields);
  return { status: head.status, reason: head.reason, fields, length: head.length };
}

/** A 304 tells of the 200 that the client has (RFC 9110 section 15.4.5): if that was ours, its tag was weak. */
export function notModifiedHead(head: ReplyHead, request: Fields): ReplyHead {
  const etag = head.fields.get("etag");
  const known = request.get("if-none-match");
  if (etag === undefined || known === undefined || !known.includes(`W/${etag}`)) return head;
  const fields = Fields.of(head.fields.pairs());
  fields.set("ETag", weakened(etag));
  addVary(fields);
  return { status: head.status, reason: head.reason, fields, length: head.length };
}
