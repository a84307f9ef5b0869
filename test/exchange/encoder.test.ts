import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { CONTENT_CODINGS } from "../../src/exchange/content-coding.ts";
import {
  ENCODER_LEVEL_BOUNDS,
  ENCODER_LEVELS,
  type EncoderOwner,
  encodeSync,
  encoders,
  ENCODERS_MAX,
  openEncoder,
} from "../../src/exchange/encoder.ts";

/** Text as people write it: a made-up series shrinks in odd ways. */
const TEXT = readFileSync(join(import.meta.dir, "../../docs/config.md"));
const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;

const IDLE: EncoderOwner = { encoded: () => {}, consumed: () => {}, complete: () => {}, failed: () => {} };

describe.each(CONTENT_CODINGS)("%s", (coding) => {
  test("at every level is what its decoder takes, and the highest is smaller than the lowest", () => {
    const [min, max] = ENCODER_LEVEL_BOUNDS[coding];
    const sizes: number[] = [];
    for (let level = min; level <= max; level++) {
      const bytes = encodeSync(TEXT, coding, { ...ENCODER_LEVELS, [coding]: level });
      expect(DECODERS[coding](bytes).equals(TEXT)).toBe(true);
      sizes.push(bytes.length);
    }
    expect(sizes.at(-1) ?? 0).toBeLessThan(sizes[0] ?? 0);
  });

  test("in pieces gives the same content, and says when each was taken", async () => {
    const pieces: Buffer[] = [];
    let consumed = 0;
    await new Promise<void>((resolve, reject) => {
      const encoder = openEncoder(coding, ENCODER_LEVELS, {
        encoded: (bytes) => pieces.push(bytes),
        consumed: () => {
          consumed++;
          if (consumed === 1) encoder?.write(TEXT);
          if (consumed === 2) encoder?.end();
        },
        complete: () => {
          encoder?.close();
          resolve();
        },
        failed: (why) => reject(new Error(why)),
      });
      encoder?.write(TEXT);
      expect(encoder?.busy).toBe(true);
    });
    expect(DECODERS[coding](Buffer.concat(pieces)).equals(Buffer.concat([TEXT, TEXT]))).toBe(true);
    expect([consumed, encoders.running]).toEqual([2, 0]);
  });

  test("says nothing more once it is closed", async () => {
    let told = 0;
    const tell = () => void told++;
    const encoder = openEncoder(coding, ENCODER_LEVELS, {
      encoded: tell,
      consumed: tell,
      complete: tell,
      failed: tell,
    });
    encoder?.write(TEXT);
    encoder?.end();
    encoder?.close();
    encoder?.close();
    await Bun.sleep(30);
    expect([told, encoders.running]).toEqual([0, 0]);
  });
});

test("so many run at once and no more", () => {
  const running = Array.from({ length: ENCODERS_MAX }, () => openEncoder("gzip", ENCODER_LEVELS, IDLE));
  expect(openEncoder("gzip", ENCODER_LEVELS, IDLE)).toBeUndefined();
  running[0]?.close();
  const next = openEncoder("gzip", ENCODER_LEVELS, IDLE);
  expect(next).toBeDefined();
  for (const encoder of [...running, next]) encoder?.close();
  expect(encoders.running).toBe(0);
});
