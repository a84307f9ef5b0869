/** Many connections at once, with as little as possible of the test's own memory and time for each. */
import type { Socket } from "bun";

export interface CrowdOptions {
  readonly host: string;
  readonly port: number;
  readonly count: number;
  /** Sent by each when it is connected; "" for nothing. */
  readonly greeting: string;
}

export class Crowd {
  /** Connected so far, also those that have gone again. */
  connected = 0;
  /** Could not be connected. */
  failed = 0;
  /** Ended by the server. */
  ended = 0;
  /** Replies by status, as far as a reply's first bytes come in one piece. */
  readonly statuses: Record<string, number> = {};
  private readonly sockets = new Set<Socket<undefined>>();
  private closing = false;

  /** Opens them in groups, so that no accept queue overflows; resolves when each was connected or could not be. */
  static async open(options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd();
    const GROUP = 200;
    for (let begun = 0; begun < options.count; begun += GROUP) {
      const group = Math.min(GROUP, options.count - begun);
      await Promise.all(Array.from({ length: group }, () => crowd.add(options)));
    }
    return crowd;
  }

  private async add({ host, port, greeting }: CrowdOptions): Promise<void> {
    const socket = {
      open: (opened: Socket<undefined>) => {
        this.connected++;
        this.sockets.add(opened);
        if (greeting !== "") opened.write(greeting);
      },
      data: (_: Socket<undefined>, bytes: Buffer) => this.received(bytes),
      close: (closed: Socket<undefined>) => {
        this.sockets.delete(closed);
        if (!this.closing) this.ended++;
      },
      error: () => {},
    };
    await Bun.connect({ hostname: host, port, socket, data: undefined }).catch(() => this.failed++);
  }

  private received(bytes: Buffer): void {
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(bytes.latin1Slice(0, 13))?.[1];
    if (status !== undefined) this.statuses[status] = (this.statuses[status] ?? 0) + 1;
  }

  /** Still open. */
  get open(): number {
    return this.sockets.size;
  }

  send(text: string): void {
    for (const socket of this.sockets) socket.write(text);
  }

  close(): void {
    this.closing = true;
    for (const socket of this.sockets) socket.terminate();
  }
}
