/**
 * Encoded forms of files: siblings that somebody made beforehand (`site.css.br`, nginx: gzip_static), and those that this
 * server makes itself and keeps, so that a hot file is compressed once (nginx compresses it for every request).
 *
 * Siblings go first, whichever the client likes best; they are files like any other, opened with every check, with
 * ranges, and a tag of their own. One that is more than a second older than its original is a leftover of an earlier
 * version and is not used (nginx and WhiteNoise send it); the second is for trees that were copied without their times.
 * Nor is one that may be being written still (young-files.ts): meanwhile there is the original.
 * Those without an original are lone-siblings.ts.
 * Asked for by its own name a sibling is what it is: application/gzip, without Content-Encoding.
 */
import { wallMs } from "../base/clock.ts";
import type { Compression } from "../exchange/compress.ts";
import { isCompressible } from "../exchange/compressible.ts";
import { type ContentCoding, Negotiator } from "../exchange/content-coding.ts";
import { encodeSync } from "../exchange/encoder.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { closeDescriptor } from "../os/sockets.ts";
import type { FileStat } from "../os/file-stat.ts";
import { KEPT_HEAD_BYTES_MAX, KeptReply } from "../protocol/http/kept-reply.ts";
import {
  type CachedFile,
  type CachedSibling,
  type CacheEntry,
  CACHED_FILE_BYTES_MAX,
  hasSettled,
  isSameFile,
  type Variants,
} from "./cache.ts";
import { isPacked, isPackedName } from "./mime.ts";
import type { OpenedFile, Opener } from "./open.ts";
import { readWhole } from "./read-whole.ts";
import type { Representation } from "./representation.ts";
import type { YoungFiles } from "./young-files.ts";

export const EXTENSIONS_OF_SIBLINGS: Readonly<Record<ContentCoding, string>> = { br: ".br", zstd: ".zst", gzip: ".gz" };

/** The smallest first, since their making costs nothing now. */
export const SIBLING_CODINGS: readonly ContentCoding[] = ["br", "zstd", "gzip"];

const OLDER_MAX_SEC = 1;

export interface EncodingOptions {
  /** Siblings that are looked for, in our order of preference. */
  readonly siblings: readonly ContentCoding[];
  /** Undefined: nothing is compressed here. */
  readonly compression: Compression | undefined;
}

/** A handler's files. `describe` gives the head of another form of a file. */
export class Encodings {
  readonly compression: Compression | undefined;
  readonly hasSiblings: boolean;
  private readonly siblings: Negotiator;
  private readonly opener: Opener;
  private readonly young: YoungFiles | undefined;

  constructor(options: EncodingOptions, opener: Opener, young?: YoungFiles) {
    this.compression = options.compression;
    this.siblings = new Negotiator(options.siblings);
    this.hasSiblings = options.siblings.length > 0;
    this.opener = opener;
    this.young = young;
  }

  /** Does what is sent of a file of this name and type depend on Accept-Encoding? Of what is packed by its format that is said of a
   *  sibling alone, if there is one: nearly always there is none, and caches would keep each image once for each Accept-Encoding. */
  varies(name: string, contentType: string): boolean {
    if (isPackedName(name)) return false;
    if (this.compression?.types.has(contentType) === true) return true;
    return this.hasSiblings && !isPacked(contentType);
  }

  /** Might this client get another form than the file itself? */
  mayChoose(exchange: Exchange): boolean {
    return (this.hasSiblings || this.compression !== undefined) && exchange.head.fields.has("accept-encoding");
  }

  /** What of a cached file this client gets. */
  choose(exchange: Exchange, entry: CacheEntry): CachedFile {
    if (!this.mayChoose(exchange) || !(this.hasSiblings || entry.representation.varies)) return entry;
    const { fields } = exchange.head;
    const variants = (entry.variants ??= { checkedMs: -1, siblings: new Map(), made: new Map(), bytes: 0 });
    if (this.hasSiblings) {
      const ranked = this.siblings.ranked(fields);
      if (ranked.length > 0 && variants.checkedMs !== entry.checkedMs)
        this.lookForSiblings(entry, variants, entry.path ?? entry.key);
      for (const coding of ranked) {
        const sibling = variants.siblings.get(coding);
        if (sibling !== undefined) return sibling;
      }
    }
    const coding = this.codingFor(exchange, entry.representation);
    return (coding === undefined ? undefined : this.make(entry, variants, coding)) ?? entry;
  }

  /** The coding that we would make of it; a part is asked of the file as it is. */
  codingFor(exchange: Exchange, representation: Representation): ContentCoding | undefined {
    const { compression } = this;
    const { fields } = exchange.head;
    if (compression === undefined || !representation.varies || fields.has("range")) return undefined;
    if (!isCompressible(representation.head, compression.types, compression.bytesMin)) return undefined;
    return compression.negotiator.ranked(fields)[0];
  }

  /** The sibling of a large file that this client gets, opened. */
  openSibling(exchange: Exchange, original: FileStat, path: string): Sibling | undefined {
    if (!this.hasSiblings) return undefined;
    for (const coding of this.siblings.ranked(exchange.head.fields)) {
      const file = this.openFresh(original, path, coding);
      if (file !== undefined) return { coding, file, place: this.opener.pathOf(siblingOf(path, coding)) };
    }
    return undefined;
  }

  private make(entry: CacheEntry, variants: Variants, coding: ContentCoding): CachedFile | undefined {
    const known = variants.made.get(coding);
    if (known !== undefined) return known ?? undefined;
    // codingFor has seen that there is one
    const bytes = encodeSync(entry.bytes, coding, (this.compression as Compression).levels);
    const variant = bytes.length >= entry.bytes.length ? null : madeForm(entry, coding, bytes);
    variants.made.set(coding, variant);
    if (variant !== null) entry.shelf.grown(entry, variants, costOf(variant));
    return variant ?? undefined;
  }

  // ── siblings ──────────────────────────────────────────────────────────────────────────────────────────────────

  private lookForSiblings(entry: CacheEntry, variants: Variants, path: string): void {
    variants.checkedMs = entry.checkedMs;
    for (const coding of SIBLING_CODINGS) {
      const before = variants.siblings.get(coding);
      const now = this.readSibling(entry, before, path, coding);
      if (now === before) continue;
      if (now === undefined) variants.siblings.delete(coding);
      else variants.siblings.set(coding, now);
      entry.shelf.grown(entry, variants, costOf(now) - costOf(before));
    }
  }

  private readSibling(
    entry: CacheEntry,
    before: CachedSibling | undefined,
    path: string,
    coding: ContentCoding,
  ): CachedSibling | undefined {
    const file = this.openFresh(entry.stats, path, coding);
    if (file === undefined) return undefined;
    const isKnown = before !== undefined && isSameFile(before, file.stats);
    const room = isKnown ? undefined : takeSmall(file);
    closeDescriptor(file.fd);
    if (isKnown) return before;
    if (room === undefined) return undefined;
    const representation = entry.representation.encoded(file.stats, { coding, length: undefined }, wallMs());
    return { ...keptForm(representation, room, file.stats), settled: hasSettled(file.stats) };
  }

  private openFresh(original: FileStat, path: string, coding: ContentCoding): OpenedFile | undefined {
    const opened = this.opener.open(siblingOf(path, coding));
    if (opened.kind !== "file") return undefined;
    const { stats } = opened;
    if (stats.size > 0 && !isOlder(stats, original) && this.young?.isYoung(stats) !== true) return opened;
    closeDescriptor(opened.fd);
    return undefined;
  }
}

export interface Sibling {
  readonly coding: ContentCoding;
  readonly file: OpenedFile;
  /** The path that it was opened by. */
  readonly place: string;
}

function siblingOf(path: string, coding: ContentCoding): string {
  return path + EXTENSIONS_OF_SIBLINGS[coding];
}

type Room = ReturnType<typeof KeptReply.makeRoom>;

function madeForm(entry: CacheEntry, coding: ContentCoding, bytes: Uint8Array): CachedFile {
  const room = KeptReply.makeRoom(bytes.length);
  room.content.set(bytes);
  const representation = entry.representation.encoded(entry.stats, { coding, length: bytes.length }, wallMs());
  return keptForm(representation, room, entry.stats);
}

function keptForm(representation: Representation, { room, content }: Room, stats: FileStat): CachedFile {
  representation.keep(room);
  return { representation, bytes: content, stats };
}

function costOf(form: CachedFile | undefined): number {
  return form === undefined ? 0 : form.bytes.length + KEPT_HEAD_BYTES_MAX;
}

/** By more than a second. */
function isOlder(sibling: FileStat, original: FileStat): boolean {
  const seconds = original.mtimeSec - sibling.mtimeSec;
  return seconds === OLDER_MAX_SEC ? original.mtimeNsec > sibling.mtimeNsec : seconds > OLDER_MAX_SEC;
}

/** Undefined when it is larger than any sibling of a small file should be, not as long as fstat said, or written to. */
function takeSmall(file: OpenedFile): Room | undefined {
  const { size } = file.stats;
  if (size > CACHED_FILE_BYTES_MAX) return undefined;
  const room = KeptReply.makeRoom(size);
  return readWhole(file, room.content, 0) ? room : undefined;
}
