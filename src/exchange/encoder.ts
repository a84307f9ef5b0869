/**
 * The compressing itself: small content in one call, larger or unknown content piece by piece in the thread pool, so that
 * the front's event loop goes on meanwhile. How many of the latter a thread runs at once is bounded, for each keeps up to
 * a megabyte of context.
 */
import {
  type BrotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  type Gzip,
  type ZstdCompress,
} from "node:zlib";
import type { ContentCoding } from "./content-coding.ts";

/** nginx: gzip_comp_level 1; Caddy: gzip 5, zstd 3, no br. Measured on 25 KB of Markdown: gzip 5 takes 0.30 ms for
 *  7.9 KB (level 1: 0.07 ms for 11.1 KB, 9: 0.72 ms for 7.8 KB), br 4 0.65 ms for 8.0 KB, zstd 3 0.10 ms for 8.3 KB. */
export const ENCODER_LEVELS: EncoderLevels = { zstd: 3, br: 4, gzip: 5 };

/** What takes longer is for siblings that are made beforehand: br 11 holds a thread for 120 ms over 64 KiB, 9 for 3 ms. */
export const ENCODER_LEVEL_BOUNDS: Readonly<Record<ContentCoding, readonly [number, number]>> = {
  zstd: [1, 15],
  br: [0, 9],
  gzip: [1, 9],
};

export type EncoderLevels = Readonly<Record<ContentCoding, number>>;

/** Content up to this is compressed in one call: less than a millisecond at the default levels. */
export const SYNC_BYTES_MAX = 32 * 1024;

/** Encoders at work in a thread: about 80 MiB at the worst. Further replies go out as they are. */
export const ENCODERS_MAX = 64;

/** br: a window of 512 KiB instead of 4 MiB, and a fourth of the context. */
const BROTLI_WINDOW_BITS = 19;
/** zstd: 1 MiB, where high levels would take eight and tables of ten times that (RFC 9659 allows clients to stop at 8). */
const ZSTD_WINDOW_BITS = 20;

/** What is written at a time: a turn of the encoder ends with a chance to stop. */
const WRITE_BYTES_MAX = 128 * 1024;

export function encodeSync(bytes: Uint8Array, coding: ContentCoding, levels: EncoderLevels): Uint8Array {
  switch (coding) {
    case "gzip":
      // Bun's type wants to know that no other thread shares the bytes: none of ours does.
      return Bun.gzipSync(bytes as Uint8Array<ArrayBuffer>, { level: levels.gzip as 5 });
    case "zstd":
      return Bun.zstdCompressSync(bytes as Uint8Array<ArrayBuffer>, { level: levels.zstd });
    case "br":
      return brotliCompressSync(bytes, { params: brotliParams(levels.br, bytes.length) });
  }
}

function brotliParams(level: number, size: number): Record<number, number> {
  return {
    [constants.BROTLI_PARAM_QUALITY]: level,
    [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: size,
  };
}

function zstdParams(level: number): Record<number, number> {
  return {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: ZSTD_WINDOW_BITS,
  };
}

/** Told what comes out. Never inside of a call to the encoder. */
export interface EncoderOwner {
  encoded(bytes: Buffer): void;
  /** What was written was taken: its buffer may be used again, and more may come. */
  consumed(): void;
  /** Everything is out, after `end`. */
  complete(): void;
  failed(why: string): void;
}

/** How many run in this thread. */
export const encoders = { running: 0 };

/** Undefined: enough are at work. */
export function openEncoder(coding: ContentCoding, levels: EncoderLevels, owner: EncoderOwner): Encoder | undefined {
  return encoders.running >= ENCODERS_MAX ? undefined : new Encoder(coding, levels, owner);
}

type Engine = Gzip | BrotliCompress | ZstdCompress;

/** One reply's. Must be closed, or it is counted for ever. */
export class Encoder {
  private readonly owner: EncoderOwner;
  private readonly engine: Engine;
  private readonly flushKind: number;
  private open = true;
  /** Writes under way. */
  private writing = 0;
  /** Something was written since the last flush. */
  private dirty = false;

  constructor(coding: ContentCoding, levels: EncoderLevels, owner: EncoderOwner) {
    this.owner = owner;
    this.engine = makeEngine(coding, levels);
    this.flushKind = FLUSH[coding];
    encoders.running++;
    this.engine.on("data", (bytes: Buffer) => this.open && this.owner.encoded(bytes));
    this.engine.on("end", () => this.open && this.owner.complete());
    this.engine.on("error", (error: Error) => this.open && this.owner.failed(error.message));
  }

  /** Is what was written still being worked on? */
  get busy(): boolean {
    return this.writing > 0;
  }

  /** The bytes must not be changed before `consumed`. */
  write(bytes: Uint8Array): void {
    this.dirty = true;
    for (let done = 0; done < bytes.length; done += WRITE_BYTES_MAX) {
      this.writing++;
      this.engine.write(bytes.subarray(done, done + WRITE_BYTES_MAX), () => this.written());
    }
  }

  /** Everything written so far can be read by the client, at the price of some bytes. */
  flush(): void {
    if (!this.dirty || !this.open) return;
    this.dirty = false;
    this.engine.flush(this.flushKind);
  }

  end(): void {
    this.engine.end();
  }

  pause(): void {
    this.engine.pause();
  }

  resume(): void {
    if (this.open) this.engine.resume();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    encoders.running--;
    this.engine.destroy();
  }

  private written(): void {
    this.writing--;
    if (this.open && this.writing === 0) this.owner.consumed();
  }
}

const FLUSH: Readonly<Record<ContentCoding, number>> = {
  gzip: constants.Z_SYNC_FLUSH,
  br: constants.BROTLI_OPERATION_FLUSH,
  zstd: constants.ZSTD_e_flush,
};

function makeEngine(coding: ContentCoding, levels: EncoderLevels): Engine {
  switch (coding) {
    case "gzip":
      return createGzip({ level: levels.gzip });
    case "br":
      return createBrotliCompress({ params: brotliParams(levels.br, 0) });
    case "zstd":
      return createZstdCompress({ params: zstdParams(levels.zstd) });
  }
}
