/**
 * What the session fuzzer's requests meet: a handler for each way of answering. Each says which request it answers, so that
 * a reply in the wrong place, or content of another request, shows. Work that would take time waits in a list for its
 * driver. Nothing here depends on how the request was cut into packets.
 */
import type { BodyReader } from "../../src/exchange/body.ts";
import { answer } from "../../src/exchange/canned.ts";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../../src/protocol/http/message.ts";

/** The route's bound of `/length`. */
export const SMALL_BODY_BYTES_MAX = 50;

/** What the reply begins with: which request it is for. */
export function greeting(method: string, target: string): string {
  return `${method} ${target}\n`;
}

export type Later = (() => void)[];

export function makeFuzzHandler(later: Later): Handler {
  return (exchange) => {
    // As the assembly does: a 2xx would say that what follows is no HTTP.
    if (exchange.head.method === "CONNECT") return answer(exchange, 405);
    const name = exchange.head.path.split("/", 2)[1];
    if (name === "hello") return sayHello(exchange);
    if (name === "head-only") return sendInPieces(exchange);
    if (name === "stream") return stream(exchange);
    if (name === "length") exchange.bodyBytesMax = SMALL_BODY_BYTES_MAX;
    if (name === "pause") return void exchange.body.read(new Collector(exchange, later, "pausing"));
    exchange.body.read(new Collector(exchange, later, name === "late" ? "late" : "prompt"));
  };
}

/** Does the handler of this target answer with the content of the request? */
export function echoes(target: string): boolean {
  return !/^\/(?:hello|head-only)(?:\/|$)/.test(target);
}

function head(length: number): ReplyHead {
  return { status: 200, reason: undefined, fields: new Fields(), length };
}

function greet(exchange: Exchange): Buffer {
  return Buffer.from(greeting(exchange.head.method, exchange.head.target), "latin1");
}

function sayHello(exchange: Exchange): void {
  const content = greet(exchange);
  exchange.reply.whole(head(content.length), content);
}

/** Announces a length, gives a byte too many. */
function sendInPieces({ reply, ...exchange }: Exchange): void {
  const content = greet(exchange as Exchange);
  reply.start(head(content.length));
  reply.data(content.subarray(0, 3));
  reply.data(Buffer.concat([content.subarray(3), Buffer.from("!")]));
  reply.end();
}

class Collector implements BodyReader {
  private readonly exchange: Exchange;
  private readonly later: Later;
  private readonly way: "prompt" | "late" | "pausing";
  private readonly pieces: Buffer[];

  constructor(exchange: Exchange, later: Later, way: "prompt" | "late" | "pausing") {
    this.exchange = exchange;
    this.later = later;
    this.way = way;
    this.pieces = [greet(exchange)];
  }

  bodyData(bytes: Uint8Array): void {
    this.pieces.push(Buffer.from(bytes));
    if (this.way !== "pausing") return;
    this.exchange.body.pause();
    this.later.push(() => this.exchange.body.resume());
  }

  bodyEnd(): void {
    if (this.way === "late") this.later.push(() => this.answer());
    else this.answer();
  }

  bodyFailed(): void {}

  private answer(): void {
    const content = Buffer.concat(this.pieces);
    if (this.exchange.reply.state === "waiting") this.exchange.reply.whole(head(content.length), content);
  }
}

/** Answers while it reads, and reads no more while the client does not. */
function stream(exchange: Exchange): void {
  const { body, reply } = exchange;
  reply.producer = { drained: () => body.resume(), gone: () => {} };
  reply.start(head(LENGTH_UNKNOWN));
  reply.data(greet(exchange));
  body.read({
    bodyData: (bytes) => {
      if (!reply.data(Buffer.from(bytes))) body.pause();
    },
    bodyEnd: () => reply.end(),
    bodyFailed: () => reply.abort("the request broke off"),
  });
}
