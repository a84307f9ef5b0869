/**
 * Idle connections to one server, the one used last on top, bounded in number and age (nginx: keepalive).
 *
 * An idle connection can be closed by its server in the very moment it is used. A request that may be repeated is then
 * repeated; one that may not (RFC 9110 section 9.2.2) only gets a connection that was busy a moment ago, which no server
 * has a reason to close yet, or else a fresh one.
 */
import type { UpstreamConnection } from "./connection.ts";

export class IdlePool {
  private readonly connections: UpstreamConnection[] = [];
  private readonly countMax: number;

  constructor(countMax: number) {
    this.countMax = countMax;
  }

  get size(): number {
    return this.connections.length;
  }

  take(repeatable: boolean): UpstreamConnection | undefined {
    const last = this.connections.at(-1);
    if (last === undefined || (!repeatable && last.idleSweeps > 0)) return undefined;
    return this.connections.pop();
  }

  /** Keeps it; the oldest gives way when there are too many. */
  put(connection: UpstreamConnection): void {
    this.connections.push(connection);
    if (this.connections.length > this.countMax) this.connections.shift()?.discard();
  }

  remove(connection: UpstreamConnection): void {
    const index = this.connections.indexOf(connection);
    if (index !== -1) this.connections.splice(index, 1);
  }

  clear(): void {
    for (const connection of this.connections.splice(0)) connection.discard();
  }
}

/** How long an idle connection may be kept: what the server says in its Keep-Alive field (`timeout=5`), less a second, and
 *  no longer than `mostMs`. */
export function idleTimeoutMs(keepAlive: string | undefined, mostMs: number): number {
  const seconds = keepAlive === undefined ? null : /(?:^|[ ,;])timeout=(\d{1,6})/i.exec(keepAlive);
  if (seconds === null) return mostMs;
  return Math.min(mostMs, Math.max(0, Number(seconds[1]) - 1) * 1000);
}
