/**
 * A load of so many requests a second, however long the replies take, over kept connections: what clients wait for at a load
 * that leaves room. The wait counts from the moment at which a request was due, not from when a connection was free for it,
 * so that a server that stalls does not hide it (coordinated omission).
 */
import type { Socket } from "bun";

export interface PacedOptions {
  readonly port: number;
  readonly path: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

interface Lane {
  readonly socket: Socket<undefined>;
  /** When the request under way was due; 0 for none. */
  dueMs: number;
}

/** Due requests are sent this often. */
const TICK_MS = 1;

/** Milliseconds that each request has waited, sorted. Its replies are small: each comes in one piece. */
export async function pacedLoad(options: PacedOptions): Promise<number[]> {
  const { port, path, perSecond, seconds } = options;
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const waits: number[] = [];
  const due: number[] = [];
  const idle: Lane[] = [];
  const lanes = new Map<Socket<undefined>, Lane>();
  const send = () => {
    while (due.length > 0 && idle.length > 0) {
      const lane = idle.pop() as Lane;
      lane.dueMs = due.shift() as number;
      lane.socket.write(request);
    }
  };
  const data = (socket: Socket<undefined>) => {
    const lane = lanes.get(socket) as Lane; // it was put there when it was connected
    if (lane.dueMs === 0) return;
    waits.push(performance.now() - lane.dueMs);
    lane.dueMs = 0;
    idle.push(lane);
    send();
  };
  for (let i = 0; i < options.connections; i++) {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data } });
    const lane = { socket, dueMs: 0 };
    lanes.set(socket, lane);
    idle.push(lane);
  }
  await paced(perSecond, seconds, (atMs) => (due.push(atMs), send()));
  for (const { socket } of lanes.values()) socket.terminate();
  return waits.toSorted((a, b) => a - b);
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
