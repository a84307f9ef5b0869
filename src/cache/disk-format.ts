/**
 * A kept reply as a file. Pure: bytes in, entry out. What is torn, of another format or not ours is undefined, never half.
 *
 *   0 "srvcache"  8 format(u32)  12 head length(u32)  16 content length(f64)  24 hash of the head(u64)
 *   32 hash of the content(u64)  40 head: JSON  then the content, to the end
 *
 * Hashes are xxHash64: against accidents, not against whoever may write to a directory that is this user's alone. Numbers are
 * little-endian; times are of the wall clock, since they outlive the process.
 */
import { Fields } from "../protocol/http/fields.ts";
import type { CacheEntry } from "./entry.ts";
import type { Lifetime } from "./lifetime.ts";

export const PRELUDE_BYTES = 40;

/** Of the head: more than any reply head that is accepted, with its key. */
export const DISK_HEAD_BYTES_MAX = 1024 * 1024;

const MAGIC = "srvcache";
const FORMAT = 1;

/** All of an entry but its content. */
export interface DiskHead {
  readonly key: string;
  readonly place: string;
  readonly status: number;
  readonly reason: string | null;
  readonly fields: readonly (readonly [string, string])[];
  readonly lifetime: Lifetime;
  readonly vary: CacheEntry["vary"];
  /** When its age was 0, milliseconds since 1970. */
  readonly bornAt: number;
}

export interface Prelude {
  readonly headBytes: number;
  readonly contentBytes: number;
  readonly headHash: bigint;
  readonly contentHash: bigint;
}

export function diskHeadOf(key: string, place: string, entry: CacheEntry, bornAt: number): DiskHead {
  const { head, lifetime, vary } = entry;
  const { status, reason, fields } = head;
  return { key, place, status, reason: reason ?? null, fields: [...fields.pairs()], lifetime, vary, bornAt };
}

/** What stands in front of the content. */
export function encodeFront(head: DiskHead, content: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(head), "utf8");
  const front = Buffer.allocUnsafe(PRELUDE_BYTES + json.length);
  front.latin1Write(MAGIC, 0);
  front.writeUInt32LE(FORMAT, 8);
  front.writeUInt32LE(json.length, 12);
  front.writeDoubleLE(content.length, 16);
  front.writeBigUInt64LE(Bun.hash.xxHash64(json), 24);
  front.writeBigUInt64LE(Bun.hash.xxHash64(content), 32);
  front.set(json, PRELUDE_BYTES);
  return front;
}

/** `fileBytes`: how long the whole file is; a file of another length is torn. */
export function decodePrelude(bytes: Buffer, fileBytes: number): Prelude | undefined {
  if (bytes.length < PRELUDE_BYTES || bytes.latin1Slice(0, 8) !== MAGIC || bytes.readUInt32LE(8) !== FORMAT)
    return undefined;
  const [headBytes, contentBytes] = [bytes.readUInt32LE(12), bytes.readDoubleLE(16)];
  if (headBytes > DISK_HEAD_BYTES_MAX || PRELUDE_BYTES + headBytes + contentBytes !== fileBytes) return undefined;
  return { headBytes, contentBytes, headHash: bytes.readBigUInt64LE(24), contentHash: bytes.readBigUInt64LE(32) };
}

/** `bytes`: at least prelude and head. */
export function decodeHead(bytes: Buffer, { headBytes, headHash }: Prelude): DiskHead | undefined {
  const json = bytes.subarray(PRELUDE_BYTES, PRELUDE_BYTES + headBytes);
  if (json.length !== headBytes || Bun.hash.xxHash64(json) !== headHash) return undefined;
  // Written by encodeFront, as the hash says.
  return JSON.parse(json.toString("utf8")) as DiskHead;
}

/** The whole file; its content is a view of it. */
export function decodeFile(bytes: Buffer): { readonly head: DiskHead; readonly content: Buffer } | undefined {
  const prelude = decodePrelude(bytes, bytes.length);
  const head = prelude === undefined ? undefined : decodeHead(bytes, prelude);
  if (prelude === undefined || head === undefined) return undefined;
  const content = bytes.subarray(PRELUDE_BYTES + prelude.headBytes);
  return Bun.hash.xxHash64(content) === prelude.contentHash ? { head, content } : undefined;
}

/** `nowMs`, `nowAt`: the same moment by base/clock monotonicMs and wallMs. A clock that was set back makes nothing younger
 *  than new. */
export function entryOf(head: DiskHead, content: Buffer, bytes: number, nowMs: number, nowAt: number): CacheEntry {
  const fields = Fields.of(head.fields);
  return {
    head: { status: head.status, reason: head.reason ?? undefined, fields, length: content.length },
    body: content,
    bornMs: nowMs - Math.max(0, nowAt - head.bornAt),
    lifetime: head.lifetime,
    vary: head.vary,
    etag: fields.get("etag"),
    lastModified: fields.get("last-modified"),
    bytes,
    given: undefined,
  };
}
