/**
 * Feeds wire bytes to the HTTP/1 codecs, cut in every way, and writes down what comes out as lines of text:
 *
 *   head GET /path?query host=a length=0 keep     data 5 hello     end Trailer: x     failed 400 te_and_cl
 */
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { ClientConnection } from "../../src/protocol/http1/client.ts";
import { ServerConnection } from "../../src/protocol/http1/connection.ts";
import { HeadMemo } from "../../src/protocol/http1/head-memo.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "../../src/protocol/http1/limits.ts";

/** Positions at which the wire is cut into packets. */
export type Cut = (length: number) => number[];

export const whole: Cut = () => [];
export const everyByte: Cut = (length) => Array.from({ length }, (_, i) => i);

/** Up to `pieces` cuts, the same for the same seed. */
export function randomCuts(seed: number, pieces = 6): Cut {
  return (length) => {
    const random = mulberry32(seed);
    return Array.from({ length: pieces }, () => Math.floor(random() * length)).sort((a, b) => a - b);
  };
}

/** A small seeded generator of numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Copies, as a socket would give them: the codec owns what it gets. */
export function packets(wire: string, cut: Cut): Buffer[] {
  const edges = [0, ...cut(wire.length), wire.length];
  return edges.slice(1).map((end, i) => Buffer.from(wire.slice(edges[i], end), "latin1"));
}

export interface Feeding {
  readonly cut: Cut;
  /** Does the peer half-close after the last byte? */
  readonly ends: boolean;
  readonly limits?: HeadLimits;
}

/** Every trace also meets the heads of those before it: what a memo answers must be what parsing would have. */
const memos = new WeakMap<HeadLimits, HeadMemo>();

function memoOf(limits: HeadLimits): HeadMemo {
  const known = memos.get(limits) ?? new HeadMemo();
  memos.set(limits, known);
  return known;
}

export function serverTrace(wire: string, feeding: Feeding): string[] {
  const limits = feeding.limits ?? DEFAULT_HEAD_LIMITS;
  const connection = new ServerConnection(limits, memoOf(limits));
  const lines: string[] = [];
  const content = new Content(lines);
  for (const packet of packets(wire, feeding.cut)) {
    connection.receive(packet);
    pullServer(connection, lines, content);
  }
  if (feeding.ends) connection.receivedEnd();
  pullServer(connection, lines, content);
  content.flush();
  return lines;
}

/** Gathers the pieces of one body into one line. */
class Content {
  private bytes = "";
  private readonly lines: string[];
  constructor(lines: string[]) {
    this.lines = lines;
  }

  add(data: Uint8Array): void {
    if (data.length === 0) throw new Error("a data event without data");
    this.bytes += Buffer.from(data).toString("latin1");
  }

  flush(): void {
    if (this.bytes !== "") this.lines.push(`data ${this.bytes.length} ${this.bytes}`);
    this.bytes = "";
  }
}

function pullServer(connection: ServerConnection, lines: string[], content: Content): void {
  for (;;) {
    const event = connection.next();
    if (event !== "data" && event !== "need-data") content.flush();
    if (event === "need-data") return;
    if (event === "data") content.add(connection.data);
    if (event === "head") lines.push(requestLine(connection));
    if (event === "end") lines.push(endLine(connection));
    if (event === "failed") return failedLine(lines, connection.failure);
    if (event === "paused") {
      if (!connection.head.persistent) return;
      connection.nextRequest();
    }
  }
}

function failedLine(lines: string[], failure: { status: number; code: string }): void {
  const line = `failed ${failure.status} ${failure.code}`;
  if (lines.at(-1) !== line) lines.push(line);
}

function requestLine({ head }: ServerConnection): string {
  const query = head.query === undefined ? "" : `?${head.query}`;
  const port = head.hostPort === undefined ? "" : `:${head.hostPort}`;
  const flags = [head.persistent ? "keep" : "close"];
  if (head.form !== "origin") flags.push(head.form);
  if (head.minor === 0) flags.push("1.0");
  if (head.expectsContinue) flags.push("continue");
  if (head.upgrade !== undefined) flags.push(`upgrade=${head.upgrade}`);
  return `head ${head.method} ${head.path}${query} host=${head.host}${port} length=${lengthText(head.bodyLength)} ${flags.join(" ")}`;
}

function lengthText(length: number): string {
  return length === LENGTH_UNKNOWN ? "chunked" : String(length);
}

function endLine({ trailers }: ServerConnection | ClientConnection): string {
  return ["end", ...(trailers?.pairs() ?? []).map(([name, value]) => `${name}: ${value}`)].join(" ");
}

export interface Asking extends Feeding {
  readonly method: string;
}

/** One response; `surplus` is written down when bytes are left. */
export function clientTrace(wire: string, asking: Asking): string[] {
  const connection = new ClientConnection(asking.limits ?? DEFAULT_HEAD_LIMITS);
  const lines: string[] = [];
  const content = new Content(lines);
  connection.expect(asking.method);
  for (const packet of packets(wire, asking.cut)) {
    connection.receive(packet);
    pullClient(connection, lines, content);
  }
  if (asking.ends) connection.receivedEnd();
  pullClient(connection, lines, content);
  content.flush();
  if (connection.surplus) lines.push(`surplus ${connection.bufferedBytes}`);
  return lines;
}

function pullClient(connection: ClientConnection, lines: string[], content: Content): void {
  for (;;) {
    const event = connection.next();
    if (event !== "data" && event !== "need-data") content.flush();
    if (event === "need-data") return;
    if (event === "data") content.add(connection.data);
    if (event === "interim") lines.push(`interim ${connection.head.status}`);
    if (event === "head") lines.push(statusLine(connection));
    if (event === "end") lines.push(endLine(connection));
    if (event === "failed") return failedCode(lines, connection.failure.code);
  }
}

function failedCode(lines: string[], code: string): void {
  if (lines.at(-1) !== `failed ${code}`) lines.push(`failed ${code}`);
}

function statusLine({ head }: ClientConnection): string {
  const length = head.length === LENGTH_UNKNOWN ? "unknown" : String(head.length);
  const upgrade = head.upgrade === undefined ? "" : ` upgrade=${head.upgrade}`;
  return `head ${head.status} ${head.reason} length=${length} ${head.persistent ? "keep" : "close"}${upgrade}`;
}
