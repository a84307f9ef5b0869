/** One connection to the control socket: lines in, one command at a time, lines out. Everything that a peer can make grow
 *  has a bound; what it cannot say right is answered, and never more than its own connection suffers. */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Outbox } from "../net/outbox.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import {
  ControlError,
  formatError,
  formatEvent,
  formatResult,
  parseRequest,
  type Request,
  REQUEST_BYTES_MAX,
  requestId,
} from "./control-protocol.ts";

/** A session that neither asks nor waits for an answer. */
const IDLE_MS = 60_000;
/** Answers that the peer does not read. A status of a thousand workers is below a megabyte. */
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

export type Tell = (event: object) => void;

/** What a command does; it answers with its result, and may tell how far it is. Throws ControlError. */
export type ControlCommand = (parameters: Request["parameters"], tell: Tell) => object | Promise<object>;

export type ControlCommands = Readonly<Record<string, ControlCommand>>;

export class ControlSession implements WireOwner {
  private readonly wire: OwnedWire;
  private readonly outbox: Outbox;
  private readonly commands: ControlCommands;
  private readonly log: Log;
  private readonly over: () => void;
  private unread = Buffer.alloc(0);
  private state: "idle" | "busy" | "closing" = "idle";
  private peerEnded = false;
  private activeMs = monotonicMs();

  constructor(wire: OwnedWire, commands: ControlCommands, log: Log, over: () => void) {
    this.wire = wire;
    this.outbox = new Outbox(wire);
    this.commands = commands;
    this.log = log;
    this.over = over;
  }

  greet(line: string): void {
    this.write(line);
  }

  received(bytes: Uint8Array): void {
    if (this.state === "closing") return;
    this.activeMs = monotonicMs();
    this.unread = Buffer.concat([this.unread, bytes]);
    // Whoever sends on while a command runs waits in the kernel.
    if (this.unread.length > REQUEST_BYTES_MAX) this.wire.pause();
    this.next();
  }

  /** The next complete line, unless a command runs. */
  private next(): void {
    while (this.state === "idle") {
      const end = this.unread.indexOf(NEWLINE);
      if (end > REQUEST_BYTES_MAX || (end === -1 && this.unread.length > REQUEST_BYTES_MAX)) return this.refuseLong();
      if (end === -1) return this.rest();
      const line = this.unread.subarray(0, end).toString();
      this.unread = Buffer.from(this.unread.subarray(end + 1));
      if (line.trim() !== "") this.obey(line);
    }
  }

  private rest(): void {
    if (this.peerEnded) this.finish();
    else this.wire.resume();
  }

  private refuseLong(): void {
    this.write(formatError(null, new ControlError("too-long", `a line may have ${REQUEST_BYTES_MAX} bytes`)));
    this.finish();
  }

  private obey(line: string): void {
    try {
      const request = parseRequest(line);
      const command = Object.hasOwn(this.commands, request.command) ? this.commands[request.command] : undefined;
      if (command === undefined) throw this.unknown(request.command);
      this.state = "busy";
      void this.run(request, command);
    } catch (error) {
      this.write(formatError(requestId(line), asControlError(error)));
    }
  }

  private unknown(command: string): ControlError {
    const known = Object.keys(this.commands).join(", ");
    return new ControlError(
      "unknown-command",
      `unknown command ${JSON.stringify(command.slice(0, 80))}; known: ${known}`,
    );
  }

  private async run({ id, parameters }: Request, command: ControlCommand): Promise<void> {
    try {
      const result = await command(parameters, (event) => this.write(formatEvent(id, event)));
      this.write(formatResult(id, result));
    } catch (error) {
      if (!(error instanceof ControlError)) this.log.error(`control: ${describe(error)}`);
      this.write(formatError(id, asControlError(error)));
    }
    if (this.state !== "busy") return;
    this.state = "idle";
    this.activeMs = monotonicMs();
    this.next();
  }

  private write(line: string): void {
    if (this.state === "closing") return;
    this.outbox.write(Buffer.from(line));
    if (this.outbox.pending > UNREAD_BYTES_MAX) this.end();
  }

  /** Closes when what was written is taken. */
  private finish(): void {
    this.state = "closing";
    if (this.outbox.empty) this.shut();
  }

  /** Half, until the peer is done too: what it has sent and nobody read would cost it our last words (unix(7)). */
  private shut(): void {
    if (this.peerEnded) return this.wire.close();
    this.wire.shutdown();
    this.wire.resume();
  }

  tick(): void {
    const isWaiting = this.state === "idle" || this.state === "closing";
    if (isWaiting && monotonicMs() - this.activeMs > IDLE_MS) this.end();
  }

  end(): void {
    this.state = "closing";
    this.wire.abort();
  }

  drained(): void {
    if (this.outbox.flush() && this.state === "closing") this.shut();
  }

  ended(): void {
    this.peerEnded = true;
    if (this.state === "closing" && this.outbox.empty) this.wire.close();
    this.next();
  }

  closed(): void {
    this.state = "closing";
    this.over();
  }
}

function asControlError(error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  return new ControlError("failed", error instanceof Error ? error.message : String(error));
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
