/**
 * Inputs of the fuzzers: well-formed requests, responses and uwsgi packets, then damage. Everything is drawn from one seeded
 * generator, so that a seed is the whole input.
 */
import { ACCEPTED } from "../protocol/http1/accepted-cases.ts";
import { REFUSED_BODIES, TRUNCATED } from "../protocol/http1/refused-body-cases.ts";
import { REFUSED_HEADS } from "../protocol/http1/refused-head-cases.ts";
import { RESPONSES } from "../protocol/http1/response-cases.ts";
import { mulberry32 } from "../support/http1.ts";

export class Dice {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = mulberry32(seed);
  }

  /** 0 ≤ n < bound */
  below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T; // callers give at least one
  }
}

const SHORT = (text: string) => text.length < 5000;
const REQUEST_WIRES = [...ACCEPTED, ...REFUSED_HEADS, ...REFUSED_BODIES, ...TRUNCATED]
  .map(({ wire }) => wire)
  .filter(SHORT);
const RESPONSE_WIRES = RESPONSES.map(({ wire }) => wire).filter(SHORT);

/** Pieces that readers of HTTP are known to disagree about. */
const PIECES = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "0\r\n\r\n",
  "0",
  "5\r\nhello\r\n",
  "ffffffffffffffff\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "content-length:6\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: chunked, chunked\r\n",
  "Transfer_Encoding: chunked\r\n",
  "Transfer-Encoding:\tchunked\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive, Upgrade\r\n",
  "Expect: 100-continue\r\n",
  "Host: b\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
  " folded\r\n",
  "X".repeat(300),
  "%2e%2e/",
  "\x80\xff",
];

/** A body that names its request in every byte but the awkward ones, so that a byte in the wrong body shows. */
function body(dice: Dice, number: number): string {
  const letter = String.fromCharCode(0x41 + (number % 26));
  const awkward = ["\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\n\n", "\0"];
  const pieces = Array.from({ length: dice.below(6) }, () =>
    dice.oneIn(4) ? dice.pick(awkward) : letter.repeat(1 + dice.below(dice.oneIn(8) ? 4000 : 20)),
  );
  return pieces.join("");
}

function chunks(dice: Dice, content: string): string {
  let wire = "";
  for (let at = 0; at < content.length;) {
    const size = Math.min(content.length - at, 1 + dice.below(dice.oneIn(3) ? 3000 : 12));
    const digits = dice.oneIn(4) ? size.toString(16).toUpperCase().padStart(4, "0") : size.toString(16);
    wire += `${digits}${dice.oneIn(6) ? ';x="a;b"' : ""}\r\n${content.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${wire}0\r\n${dice.oneIn(5) ? "X-Trailer: 1\r\n" : ""}\r\n`;
}

/** Paths choose the handler of the session fuzzer. */
const PATHS = ["/echo", "/hello", "/late", "/stream", "/pause", "/length", "/head-only"];

export function goodRequest(dice: Dice, number: number): string {
  const method = dice.pick(["GET", "POST", "PUT", "HEAD", "OPTIONS", "X-Y"]);
  const host = dice.oneIn(2) ? "Host: a\r\n" : "hOST:\ta \r\n";
  const extra = dice.oneIn(3) ? `X-Field: ${"v".repeat(dice.below(200))}\r\n` : "";
  const closes = dice.oneIn(12) ? "Connection: close\r\n" : "";
  const start = `${dice.oneIn(6) ? "\r\n" : ""}${method} ${dice.pick(PATHS)}/${number} HTTP/1.1\r\n`;
  const head = start + host + extra + closes;
  const content = body(dice, number);
  if (dice.oneIn(3)) return `${head}\r\n`;
  const expects = dice.oneIn(10) ? "Expect: 100-continue\r\n" : "";
  if (dice.oneIn(2)) return `${head}${expects}Content-Length: ${content.length}\r\n\r\n${content}`;
  return `${head}${expects}Transfer-Encoding: chunked\r\n\r\n${chunks(dice, content)}`;
}

export function goodResponse(dice: Dice, number: number): string {
  const interim = dice.oneIn(6) ? "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" : "";
  const head = `${interim}HTTP/1.1 ${dice.pick(["200 OK", "404 ", "304 No", "204 None", "500 Oh \xe9"])}\r\n`;
  const content = body(dice, number);
  const kind = dice.below(3);
  if (kind === 0) return `${head}\r\n${content}`;
  if (kind === 1) return `${head}Content-Length: ${content.length}\r\n\r\n${content}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks(dice, content)}`;
}

/** One wound: a piece put in, bytes taken away, changed or doubled, a line repeated, another wire spliced in. */
function damage(dice: Dice, wire: string, others: readonly string[]): string {
  const at = dice.below(wire.length + 1);
  const length = 1 + dice.below(8);
  switch (dice.below(7)) {
    case 0:
      return wire.slice(0, at) + dice.pick(PIECES) + wire.slice(at);
    case 1:
      return wire.slice(0, at) + wire.slice(at + length);
    case 2:
      return wire.slice(0, at) + String.fromCharCode(dice.below(256)) + wire.slice(at + 1);
    case 3:
      return wire.slice(0, at) + wire.slice(at, at + 40) + wire.slice(at);
    case 4:
      return repeatLine(dice, wire);
    case 5:
      return wire.slice(0, at) + dice.pick(others).slice(dice.below(30));
    default:
      return dice.oneIn(4) ? wire.slice(0, at) : wire.replace("\r\n", dice.pick(["\n", "\r", "\r\r\n", " \r\n"]));
  }
}

function repeatLine(dice: Dice, wire: string): string {
  const lines = wire.split("\r\n");
  const at = dice.below(lines.length);
  lines.splice(dice.below(lines.length), 0, lines[at] as string); // split gives at least one
  return lines.join("\r\n");
}

function damaged(dice: Dice, wire: string, others: readonly string[]): string {
  let result = wire;
  for (let wounds = dice.below(4); wounds > 0; wounds--) result = damage(dice, result, others);
  return result;
}

/** Good requests, as many as `sound` says; what comes behind them may be anything. */
export function requestWire(dice: Dice): { readonly wire: string; readonly sound: number } {
  const good = Array.from({ length: dice.below(4) }, (_, number) => goodRequest(dice, number));
  const wire = good.join("");
  if (dice.oneIn(4)) return { wire, sound: good.length };
  const tail = dice.oneIn(2) ? goodRequest(dice, 9) + goodRequest(dice, 10) : dice.pick(REQUEST_WIRES);
  return { wire: wire + damaged(dice, tail, REQUEST_WIRES), sound: good.length };
}

export function responseWire(dice: Dice): string {
  const one = dice.oneIn(2) ? goodResponse(dice, 1) : dice.pick(RESPONSE_WIRES);
  return damaged(dice, one, RESPONSE_WIRES) + (dice.oneIn(4) ? goodResponse(dice, 2) : "");
}
