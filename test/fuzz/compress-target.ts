/**
 * The compression of replies under the fuzzer: sources that come in any pieces, break or leave; clients that are slow or
 * go. The wire is the content. What must hold:
 *
 *   1. a reply that ends is the content, decoded, all of it
 *   2. one that was aborted, or is shorter than announced, does not end
 *   3. a source whose client leaves is told once; one that was done is not
 *   4. every reply comes to an end
 *   5. no encoder is left
 */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { Compression, withCompression } from "../../src/exchange/compress.ts";
import { DEFAULT_COMPRESSION } from "../../src/exchange/compressible.ts";
import type { ContentCoding } from "../../src/exchange/content-coding.ts";
import { encoders } from "../../src/exchange/encoder.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { fakeExchange, type RecordedReply } from "../support/exchange.ts";
import type { FuzzTarget } from "./run.ts";
import type { Dice } from "./wires.ts";

const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
const LENGTHS = [0, 10, 600, 5000, 32_768, 32_769, 200_000];
const PATIENCE_MS = 5000;

const compression = new Compression(DEFAULT_COMPRESSION);

export function makeCompressTarget(wrap: typeof withCompression): FuzzTarget {
  return {
    name: "compress",
    draw: (dice) => ({ wire: drawContent(dice), sound: 0 }),
    judge: async ({ wire }, dice) => {
      const run = new Run(wrap, Buffer.from(wire, "latin1"), dice);
      return (await run.toItsEnd()) ?? (encoders.running === 0 ? undefined : "5: an encoder is left");
    },
  };
}

function drawContent(dice: Dice): string {
  const bytes = Buffer.alloc(dice.pick(LENGTHS), "some words ");
  for (let at = dice.below(90); at < bytes.length; at += 1 + dice.below(90)) bytes[at] = dice.below(256);
  return bytes.latin1Slice();
}

/** What becomes of the reply: it ends, is aborted somewhere, or its client leaves. */
type Fate = "ends" | "aborts" | "leaves";

class Run {
  private readonly exchange: Exchange;
  private readonly reply: RecordedReply;
  private readonly content: Buffer;
  private readonly dice: Dice;
  private readonly fate: Fate;
  private readonly fateAt: number;
  private readonly announced: number;
  private at = 0;
  private departures = 0;
  private giving = false;

  constructor(wrap: typeof withCompression, content: Buffer, dice: Dice) {
    const fields = [["Accept-Encoding", dice.pick(["gzip", "br", "zstd", "identity"])]] as const;
    const { exchange, reply } = fakeExchange({ fields, minor: dice.oneIn(8) ? 0 : 1 });
    wrap(compression, () => {})(exchange);
    this.exchange = exchange;
    this.reply = reply;
    this.content = content;
    this.dice = dice;
    this.fate = dice.pick(["ends", "ends", "aborts", "leaves"]);
    this.fateAt = dice.below(content.length + 1);
    const promised = content.length + (dice.oneIn(8) ? 1 : 0);
    this.announced = dice.oneIn(2) ? LENGTH_UNKNOWN : promised;
  }

  async toItsEnd(): Promise<string | undefined> {
    const { exchange, reply } = this;
    exchange.reply.producer = { drained: () => this.give(), gone: () => void this.departures++ };
    const fields = Fields.of([["Content-Type", "text/html"]]);
    exchange.reply.start({ status: 200, reason: undefined, fields, length: this.announced });
    this.give();
    const client = setInterval(() => this.clientTurn(), 1);
    try {
      const over = await Promise.race([reply.over, Bun.sleep(PATIENCE_MS).then(() => "4: it does not come to an end")]);
      return over ?? this.verdict();
    } finally {
      clearInterval(client);
      if (reply.state === "started") reply.leave();
    }
  }

  /** Gives pieces while they are taken. */
  private give(): void {
    const { exchange, content, dice } = this;
    if (this.giving) return;
    this.giving = true;
    while (exchange.reply.state === "started") {
      if (this.fate === "aborts" && this.at >= this.fateAt) exchange.reply.abort("asked for");
      else if (this.fate === "leaves" && this.at >= this.fateAt) this.leave();
      else if (this.at === content.length) exchange.reply.end();
      else if (!this.givePiece(1 + dice.below(dice.pick([50, 5000, 70_000])))) break;
    }
    this.giving = false;
  }

  /** The buffer is used for something else as soon as it may be. */
  private givePiece(length: number): boolean {
    const piece = Buffer.from(this.content.subarray(this.at, this.at + length));
    this.at += piece.length;
    const taken = this.exchange.reply.data(piece);
    if (taken) piece.fill(7);
    return taken;
  }

  private leave(): void {
    this.at = Infinity;
    this.reply.leave();
  }

  private clientTurn(): void {
    this.reply.full = this.dice.oneIn(2);
    if (!this.reply.full && this.reply.state === "started") this.reply.drain();
  }

  private verdict(): string | undefined {
    const { reply, fate, content } = this;
    if (this.at === Infinity) return this.departures === 1 ? undefined : `3: told ${this.departures} times`;
    if (this.departures > 0) return "3: a source was told of a client that is there";
    const isShort = this.announced > content.length;
    if (reply.aborted !== undefined) return fate === "aborts" || isShort ? undefined : "2: aborted unasked";
    if (fate === "aborts" || isShort) return "2: it looks whole";
    const coding = reply.header("content-encoding") as ContentCoding | undefined;
    const decoded = coding === undefined ? reply.content : DECODERS[coding](reply.content);
    return decoded.equals(content) ? undefined : "1: the content differs";
  }
}
