/**
 * A load of so many requests a second, however long the replies take, over kept connections: what clients wait for at a load
 * that leaves room. The wait counts from the moment at which a request was due, not from when a connection was free for it,
 * so that a server that stalls does not hide it (coordinated omission). A request whose answer never came has waited until
 * the end, and is an error besides.
 */
import type { Socket } from "bun";

export interface PacedOptions {
  readonly port: number;
  readonly path: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface PacedResult {
  /** Milliseconds that each request has waited, sorted. */
  readonly waits: readonly number[];
  readonly errors: number;
}

interface Lane {
  socket: Socket<undefined> | undefined;
  /** When the request under way was due; 0 for none. */
  dueMs: number;
  /** Of the reply under way; undefined until its head is there. */
  missing: number | undefined;
}

/** Due requests are sent this often. */
const TICK_MS = 1;
/** For replies after the last request. */
const LAST_MS = 2_000;
const OK = /^HTTP\/1\.[01] 200 /;

class Pacer {
  readonly waits: number[] = [];
  errors = 0;
  private readonly request: string;
  private readonly due: number[] = [];
  private readonly idle: Lane[] = [];
  private readonly lanes = new Map<Socket<undefined>, Lane>();
  private readonly port: number;
  private isOver = false;

  constructor({ port, path }: PacedOptions) {
    this.port = port;
    this.request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  }

  async open(): Promise<void> {
    const lane: Lane = { socket: undefined, dueMs: 0, missing: undefined };
    const data = (socket: Socket<undefined>, bytes: Buffer) => this.received(socket, bytes);
    const close = (socket: Socket<undefined>) => this.closed(socket);
    const handlers = { data, close, error: () => {} };
    lane.socket = await Bun.connect({ hostname: "127.0.0.1", port: this.port, socket: handlers });
    this.lanes.set(lane.socket, lane);
    this.idle.push(lane);
    this.send();
  }

  ask(dueMs: number): void {
    this.due.push(dueMs);
    this.send();
  }

  private send(): void {
    while (this.due.length > 0 && this.idle.length > 0) {
      const lane = this.idle.pop() as Lane;
      lane.dueMs = this.due.shift() as number;
      lane.missing = undefined;
      lane.socket?.write(this.request);
    }
  }

  private received(socket: Socket<undefined>, bytes: Buffer): void {
    const lane = this.lanes.get(socket);
    if (lane === undefined || lane.dueMs === 0) return;
    lane.missing = (lane.missing ?? this.replyBytes(bytes)) - bytes.length;
    if (lane.missing > 0) return;
    this.waits.push(performance.now() - lane.dueMs);
    lane.dueMs = 0;
    this.idle.push(lane);
    this.send();
  }

  /** Replies of these rows are small: their heads come in one piece. Of a chunked one, so does all of it. */
  private replyBytes(first: Buffer): number {
    const text = first.toString("latin1");
    if (!OK.test(text)) this.errors++;
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(text)?.[1];
    return length === undefined ? first.length : text.indexOf("\r\n\r\n") + 4 + Number(length);
  }

  /** A connection that goes in the middle of a reply is an error; its request does not come again. */
  private closed(socket: Socket<undefined>): void {
    const lane = this.lanes.get(socket);
    if (this.isOver || lane === undefined) return;
    this.lanes.delete(socket);
    if (lane.dueMs !== 0) this.fail(lane);
    else this.idle.splice(this.idle.indexOf(lane), 1);
    void this.open().catch(() => this.errors++);
  }

  private fail(lane: Lane): void {
    this.errors++;
    this.waits.push(performance.now() - lane.dueMs);
    lane.dueMs = 0;
  }

  async finish(): Promise<void> {
    const until = performance.now() + LAST_MS;
    const waiting = () => this.due.length + [...this.lanes.values()].filter(({ dueMs }) => dueMs !== 0).length;
    while (waiting() > 0 && performance.now() < until) await Bun.sleep(TICK_MS);
    this.isOver = true;
    for (const lane of this.lanes.values()) if (lane.dueMs !== 0) this.fail(lane);
    for (const dueMs of this.due) this.fail({ socket: undefined, dueMs, missing: undefined });
    for (const socket of this.lanes.keys()) socket.terminate();
  }
}

export async function pacedLoad(options: PacedOptions): Promise<PacedResult> {
  const pacer = new Pacer(options);
  for (let i = 0; i < options.connections; i++) await pacer.open();
  await paced(options.perSecond, options.seconds, (atMs) => pacer.ask(atMs));
  await pacer.finish();
  return { waits: pacer.waits.toSorted((a, b) => a - b), errors: pacer.errors };
}

/** Calls `act` with each moment at which a request is due. */
async function paced(perSecond: number, seconds: number, act: (atMs: number) => void): Promise<void> {
  const beginMs = performance.now();
  const count = Math.floor(perSecond * seconds);
  for (let i = 0; i < count;) {
    const nowMs = performance.now();
    for (; i < count && beginMs + (i * 1000) / perSecond <= nowMs; i++) act(beginMs + (i * 1000) / perSecond);
    await Bun.sleep(TICK_MS);
  }
}

/** `share` of 1. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
