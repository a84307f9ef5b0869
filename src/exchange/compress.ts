/**
 * Compression of replies on their way out, whoever makes them (nginx: gzip on; Caddy: encode). Stands between a handler
 * and the reply, decides when the head is known, and then
 *
 *   passing     leaves everything alone
 *   gathering   a small reply of known length: collected, compressed in one call, sent with its length in one write
 *   encoding    any other: compressed piece by piece in the thread pool, chunked; flushed whenever its source has nothing
 *               more to give for the moment, so that a reply that trickles reaches the client as it comes
 *
 * What a reply holds is bounded by a piece of its source and what the encoder keeps; a client that does not take what it is
 * given stops the encoder, and that stops the source. A reply that breaks is aborted, never ended.
 */
import { EMPTY } from "../base/bytes.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import {
  type CompressionOptions,
  compressedHead,
  isCompressible,
  notModifiedHead,
  TypeList,
  varyingHead,
} from "./compressible.ts";
import { type ContentCoding, Negotiator } from "./content-coding.ts";
import {
  type Encoder,
  encodeSync,
  type EncoderLevels,
  type EncoderOwner,
  openEncoder,
  SYNC_BYTES_MAX,
} from "./encoder.ts";
import type { Exchange, Handler } from "./exchange.ts";
import type { Borrower, Producer, Reply, ReplyState, Returned } from "./reply.ts";

/** CompressionOptions made ready; shared by the requests of a thread. */
export class Compression {
  readonly levels: EncoderLevels;
  readonly bytesMin: number;
  readonly types: TypeList;
  readonly negotiator: Negotiator;

  constructor(options: CompressionOptions) {
    this.levels = options.levels;
    this.bytesMin = options.bytesMin;
    this.types = new TypeList(options.types);
    this.negotiator = new Negotiator(options.codings);
  }

  /** The coding for this reply; "vary" when only the client's Accept-Encoding speaks against one, undefined when more. */
  choose(exchange: Exchange, head: ReplyHead): ContentCoding | "vary" | undefined {
    if (!isCompressible(head, this.types, this.bytesMin)) return undefined;
    return this.negotiator.ranked(exchange.head.fields)[0] ?? "vary";
  }
}

export function withCompression(compression: Compression, next: Handler): Handler {
  return (exchange) => {
    exchange.reply = new CompressedReply(exchange, compression);
    next(exchange);
  };
}

/** `undecided` no head yet · `passing`, `gathering`, `encoding` see above · `finishing` the source is done, the encoder is
 *  not · `over` ended or gone, which `ending` tells apart */
type Stage = "undecided" | "passing" | "gathering" | "encoding" | "finishing" | "over";

export class CompressedReply implements Reply, EncoderOwner, Producer {
  private readonly exchange: Exchange;
  private readonly compression: Compression;
  private readonly inner: Reply;
  private stage: Stage = "undecided";
  private ending: ReplyState = "finished";
  /** Of the handler, while we are the producer of the inner reply. */
  private source: Producer | undefined = undefined;
  private encoder: Encoder | undefined = undefined;
  /** Bytes that the head has announced and that have not come yet; LENGTH_UNKNOWN: any number. */
  private missing = LENGTH_UNKNOWN;
  private gathered: Gathered | undefined = undefined;
  private trailers: Fields | undefined = undefined;
  private flushPending = false;
  private readonly decided: DecidedEncoding | undefined;

  constructor(exchange: Exchange, compression: Compression, decided?: DecidedEncoding) {
    this.exchange = exchange;
    this.compression = compression;
    this.inner = exchange.reply;
    this.decided = decided;
  }

  get state(): ReplyState {
    switch (this.stage) {
      case "undecided":
      case "passing":
        return this.inner.state;
      case "gathering":
        // The client may leave before anything was sent to it.
        return this.inner.state === "waiting" ? "started" : this.inner.state;
      case "encoding":
        return "started";
      case "finishing":
        return "finished";
      case "over":
        return this.ending;
    }
  }

  get status(): number {
    return this.inner.status;
  }

  get producer(): Producer | undefined {
    return this.encoder === undefined ? this.inner.producer : this.source;
  }

  set producer(producer: Producer | undefined) {
    if (this.encoder === undefined) this.inner.producer = producer;
    else this.source = producer;
  }

  // ── from the handler ──────────────────────────────────────────────────────────────────────────────────────────

  whole(given: ReplyHead, content: Uint8Array): void {
    const toHead = this.exchange.head.method === "HEAD";
    const head = given.length === LENGTH_UNKNOWN && !toHead ? { ...given, length: content.length } : given;
    const coding = this.decide(head);
    if (typeof coding !== "object") return this.inner.whole(this.passingHead(given, coding), content);
    if (toHead) return this.inner.whole(coding.head, EMPTY);
    if (head.length <= SYNC_BYTES_MAX) return this.sendSmall(head, coding.coding, content.subarray(0, head.length));
    if (!this.open(head, coding)) return this.inner.whole(varyingHead(head), content);
    this.data(content);
    this.end();
  }

  start(head: ReplyHead): void {
    const coding = this.decide(head);
    if (typeof coding !== "object") return this.inner.start(this.passingHead(head, coding));
    if (this.exchange.head.method === "HEAD") return this.inner.start(coding.head);
    if (head.length !== LENGTH_UNKNOWN && head.length <= SYNC_BYTES_MAX) {
      this.stage = "gathering";
      this.gathered = { head, coding: coding.coding, bytes: Buffer.allocUnsafe(head.length), length: 0 };
    } else if (!this.open(head, coding)) {
      this.inner.start(varyingHead(head));
    }
  }

  data(bytes: Uint8Array): boolean {
    switch (this.stage) {
      case "undecided":
      case "passing":
        return this.inner.data(bytes);
      case "gathering":
        this.gather(bytes);
        return true;
      case "encoding":
        return this.encode(bytes);
      case "finishing":
      case "over":
        return true;
    }
  }

  /** Undefined where the reply behind has none (Reply.loan). */
  get loan(): ((to: Borrower) => boolean) | undefined {
    return this.inner.loan === undefined ? undefined : this.lentOut;
  }

  private lentOut(to: Borrower): boolean {
    return this.stage === "passing" && this.inner.loan?.(to) === true;
  }

  returned(rest: Uint8Array, counts: Returned): boolean {
    return this.inner.returned?.(rest, counts) ?? true;
  }

  end(trailers?: Fields): void {
    switch (this.stage) {
      case "undecided":
      case "passing":
        return this.inner.end(trailers);
      case "gathering":
        return this.sendGathered();
      case "encoding":
        if (this.missing > 0) return this.abort(SHORT);
        this.trailers = trailers;
        this.source = undefined;
        this.stage = "finishing";
        return this.encoder?.end();
      case "finishing":
      case "over":
        return;
    }
  }

  abort(why: string): void {
    if (this.stage === "over") return;
    if (this.encoder === undefined) {
      // Nothing of a gathered reply was sent: it becomes a 502 like any that was not started.
      this.stage = "passing";
      this.gathered = undefined;
      return this.inner.abort(why);
    }
    this.close("gone");
    this.inner.abort(why);
  }

  interim(head: ReplyHead): void {
    this.inner.interim(head);
  }

  // ── deciding ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Undecided no more: the stage is `passing` unless the caller finds a better one. */
  private decide(head: ReplyHead): Encoded | "vary" | "as-is" {
    if (this.stage !== "undecided") return "as-is";
    this.stage = "passing";
    if (this.decided !== undefined) return this.decided;
    const chosen = this.compression.choose(this.exchange, head);
    if (chosen === undefined || chosen === "vary") return chosen ?? "as-is";
    // Without chunks a stream has no end that a client could tell from a broken connection.
    const streams = head.length === LENGTH_UNKNOWN || head.length > SYNC_BYTES_MAX;
    if (streams && this.exchange.head.minor === 0) return "vary";
    return { coding: chosen, head: compressedHead(head, chosen, LENGTH_UNKNOWN) };
  }

  private passingHead(head: ReplyHead, verdict: "vary" | "as-is"): ReplyHead {
    if (verdict === "vary") return varyingHead(head);
    return head.status === 304 ? notModifiedHead(head, this.exchange.head.fields) : head;
  }

  // ── small replies ─────────────────────────────────────────────────────────────────────────────────────────────

  private gather(bytes: Uint8Array): void {
    const { gathered } = this;
    if (gathered === undefined) return;
    const length = Math.min(bytes.length, gathered.bytes.length - gathered.length);
    gathered.bytes.set(bytes.subarray(0, length), gathered.length);
    gathered.length += length;
  }

  private sendGathered(): void {
    const { gathered } = this;
    if (this.inner.state !== "waiting") return;
    if (gathered === undefined || gathered.length < gathered.bytes.length) return this.abort(SHORT);
    this.gathered = undefined;
    this.stage = "passing";
    this.sendSmall(gathered.head, gathered.coding, gathered.bytes);
  }

  private sendSmall(head: ReplyHead, coding: ContentCoding, content: Uint8Array): void {
    const bytes = encodeSync(content, coding, this.compression.levels);
    this.inner.whole(compressedHead(head, coding, bytes.length), bytes);
  }

  // ── streams ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** False: too many are at work, and nothing was done. */
  private open(head: ReplyHead, chosen: Encoded): boolean {
    this.encoder = openEncoder(chosen.coding, this.compression.levels, this);
    if (this.encoder === undefined) return false;
    this.stage = "encoding";
    this.missing = head.length;
    this.source = this.inner.producer;
    this.inner.producer = this;
    this.inner.start(chosen.head);
    return true;
  }

  /** The encoder holds the bytes until it says `consumed`. */
  private encode(bytes: Uint8Array): boolean {
    const wanted = this.missing === LENGTH_UNKNOWN ? bytes : bytes.subarray(0, this.missing);
    if (this.missing !== LENGTH_UNKNOWN) this.missing -= wanted.length;
    if (wanted.length === 0 || this.encoder === undefined) return true;
    this.encoder.write(wanted);
    return false;
  }

  encoded(bytes: Buffer): void {
    this.decided?.piece(bytes);
    if (!this.inner.data(bytes)) this.encoder?.pause();
    if (this.inner.state === "gone") this.close("gone");
  }

  consumed(): void {
    if (this.stage !== "encoding") return;
    this.source?.drained();
    if (this.stage !== "encoding" || this.encoder?.busy !== false || this.flushPending) return;
    this.flushPending = true;
    setImmediate(flushIfIdle, this);
  }

  /** The source had its turn and gave nothing: what there is goes out. */
  flushIfIdle(): void {
    this.flushPending = false;
    if (this.stage === "encoding" && this.encoder?.busy === false) this.encoder.flush();
  }

  complete(): void {
    const { trailers } = this;
    this.decided?.complete();
    this.close("finished");
    this.inner.end(trailers);
  }

  failed(why: string): void {
    const { source } = this;
    this.close("gone");
    this.inner.abort(`the reply could not be compressed: ${why}`);
    source?.gone();
  }

  // ── Producer of the inner reply ───────────────────────────────────────────────────────────────────────────────

  drained(): void {
    this.encoder?.resume();
  }

  gone(): void {
    const { source } = this;
    this.close("gone");
    source?.gone();
  }

  private close(ending: ReplyState): void {
    this.stage = "over";
    this.ending = ending;
    this.source = undefined;
    this.encoder?.close();
    this.decided?.over();
  }
}

interface Encoded {
  readonly coding: ContentCoding;
  /** Of the compressed reply. */
  readonly head: ReplyHead;
}

/** Of a handler that knows the coding and the head itself, and keeps a copy of what was compressed. */
export interface DecidedEncoding extends Encoded {
  piece(bytes: Buffer): void;
  /** That was all of it. */
  complete(): void;
  /** However it went, nothing more comes. */
  over(): void;
}

interface Gathered {
  readonly head: ReplyHead;
  readonly coding: ContentCoding;
  readonly bytes: Buffer;
  length: number;
}

const SHORT = "the reply is shorter than its Content-Length";

function flushIfIdle(reply: CompressedReply): void {
  reply.flushIfIdle();
}
