/** A raw client of the control socket: lines out, lines in, nothing checked. */
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { until } from "./wait.ts";

const PATIENCE_MS = 15_000;

/** Of the server that a test has started in `folder` (binary.ts `controlHome`). */
export function controlSocket(folder: string): string {
  const directory = join(folder, "server");
  const found = readdirSync(directory).filter((name) => name.endsWith(".sock"));
  if (found.length !== 1) throw new Error(`${directory} holds ${found.length} sockets`);
  return join(directory, found[0] as string);
}

export class ControlClient {
  /** All that was received, line by line. */
  readonly lines: string[] = [];
  closed = false;
  private readonly socket: Socket;
  private rest = "";

  constructor(path: string) {
    this.socket = connect({ path });
    this.socket.setEncoding("utf8");
    this.socket.on("data", (text: string) => {
      const pieces = (this.rest + text).split("\n");
      this.rest = pieces.pop() ?? "";
      this.lines.push(...pieces);
    });
    this.socket.on("close", () => (this.closed = true));
    this.socket.on("error", () => {});
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  end(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  /** The line number `index` (0: the greeting), as JSON. */
  async line(index: number): Promise<Record<string, unknown>> {
    await until(`line ${index} of the control socket`, PATIENCE_MS, () => this.lines.length > index || this.closed);
    const line = this.lines[index];
    if (line === undefined) throw new Error(`closed after ${this.lines.length} lines`);
    return JSON.parse(line) as Record<string, unknown>;
  }

  async ended(): Promise<void> {
    await until("end of the control connection", PATIENCE_MS, () => this.closed);
  }
}
