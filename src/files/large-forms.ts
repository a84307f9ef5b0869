/**
 * Encoded forms of files that are too large to be kept in memory as they are: a sibling that somebody made, the result of
 * an earlier compression, if that is small enough to be kept, or else the compression itself, on the way to the client
 * (exchange/compress.ts). What is kept belongs to one state of the file.
 */
import { monotonicMs, wallMs } from "../base/clock.ts";
import { type Compression, CompressedReply, type DecidedEncoding } from "../exchange/compress.ts";
import type { ContentCoding } from "../exchange/content-coding.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { isUnchanged } from "../os/file-stat.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { type CachedFile, hasSettled, type Shelf } from "./cache.ts";
import { OpenFile } from "./open-files.ts";
import type { Encodings } from "./precompressed.ts";
import type { Representation } from "./representation.ts";

/** Compressed bytes of one file that are kept. Most bundles of scripts are below. */
export const MADE_BYTES_MAX = 2 * 1024 * 1024;

/** Results that a thread collects at a time, 16 MiB in all; further replies are compressed and forgotten. */
export const KEEPERS_MAX = 8;

/** A large file as it was found. */
export interface LargeFile {
  readonly representation: Representation;
  readonly file: OpenFile;
  /** Its key in the cache. */
  readonly rest: string;
  /** Its own path below the root, when that is not the key: of a directory's index. */
  readonly path: string | undefined;
}

export type LargeForm =
  /** The caller's to release. */
  | { readonly kind: "sibling"; readonly representation: Representation; readonly file: OpenFile }
  | { readonly kind: "made"; readonly made: CachedFile }
  | StreamForm;

export interface StreamForm {
  readonly kind: "stream";
  /** Of unknown length. */
  readonly representation: Representation;
  readonly coding: ContentCoding;
  readonly compression: Compression;
}

/** Undefined: the client gets the file as it is. */
export function chooseForm(
  exchange: Exchange,
  encodings: Encodings,
  shelf: Shelf,
  large: LargeFile,
): LargeForm | undefined {
  const { representation, file } = large;
  const sibling = encodings.openSibling(exchange, file.stats, large.path ?? large.rest);
  if (sibling !== undefined) {
    const { coding, file: opened, place } = sibling;
    const form = representation.encoded(opened.stats, { coding, length: undefined }, wallMs());
    return { kind: "sibling", representation: form, file: new OpenFile(opened.fd, opened.stats, place) };
  }
  const { compression } = encodings;
  const coding = encodings.codingFor(exchange, representation);
  if (coding === undefined || compression === undefined) return undefined;
  const made = shelf.get(madeKey(large.rest, coding));
  if (made !== undefined && isUnchanged(made.stats, file.stats)) return { kind: "made", made };
  // Without chunks its end could not be told from a broken connection.
  if (exchange.head.minor === 0) return undefined;
  return { kind: "stream", coding, compression, representation: encodedForm(large, coding, LENGTH_UNKNOWN) };
}

/** The reply that compresses `large` on its way, and keeps the result if it was small and the file is not fresh. */
export function compressingReply(
  exchange: Exchange,
  form: StreamForm,
  large: LargeFile,
  shelf: Shelf,
): CompressedReply {
  return new CompressedReply(exchange, form.compression, new Keeper(form, large, shelf));
}

/** How many collect now. */
let keepers = 0;

class Keeper implements DecidedEncoding {
  readonly coding: ContentCoding;
  readonly head: ReplyHead;
  private readonly large: LargeFile;
  private readonly shelf: Shelf;
  /** What is being written may become something else within the same tick of its times, while it is read: not to be kept. */
  private readonly settled: boolean;
  /** Undefined once they are too many. */
  private pieces: Buffer[] | undefined = [];
  private bytes = 0;
  private collecting = false;

  constructor(form: StreamForm, large: LargeFile, shelf: Shelf) {
    this.coding = form.coding;
    this.head = form.representation.head;
    this.large = large;
    this.shelf = shelf;
    this.settled = hasSettled(large.file.stats);
  }

  piece(bytes: Buffer): void {
    if (this.bytes === 0) this.begin();
    this.bytes += bytes.length;
    if (this.bytes > MADE_BYTES_MAX) this.over();
    this.pieces?.push(bytes);
  }

  private begin(): void {
    this.collecting = this.settled && keepers < KEEPERS_MAX;
    if (this.collecting) keepers++;
    else this.pieces = undefined;
  }

  over(): void {
    this.pieces = undefined;
    if (this.collecting) keepers--;
    this.collecting = false;
  }

  /** A transfer that a change of the file has broken never comes here. */
  complete(): void {
    if (this.pieces === undefined) return;
    const { large, coding } = this;
    const bytes = Buffer.concat(this.pieces);
    const representation = encodedForm(large, coding, bytes.length);
    this.shelf.put(
      madeKey(large.rest, coding),
      { representation, content: bytes, stats: large.file.stats },
      monotonicMs(),
    );
  }
}

function encodedForm({ representation, file }: LargeFile, coding: ContentCoding, length: number): Representation {
  return representation.encoded(file.stats, { coding, length }, wallMs());
}

/** No path has a NUL. */
function madeKey(rest: string, coding: ContentCoding): string {
  return `${rest}\0${coding}`;
}
