/**
 * The commands' end of the control socket: finds the server of a configuration, asks it one thing and hears the answer. What
 * it says is text of another process: control characters are taken out before it reaches a terminal.
 */
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { CONTROL_AUTO, CONTROL_OFF, findControlSockets, thisUser } from "../master/control-place.ts";
import { pidIn } from "../os/lock-file.ts";
import { LineSplitter } from "../os/output.ts";
import { resolve, dirname } from "node:path";
import { connect } from "../net/connect.ts";
import type { ConnectOwner } from "../net/connect-address.ts";
import { Outbox } from "../net/outbox.ts";
import type { Wire } from "../net/wire.ts";

/** A status of a thousand workers is below a megabyte. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const CONNECT_MS = 5_000;
/** The server speaks first, whatever it is busy with. Its main thread serves nobody else. */
const GREETING_MS = 10_000;

/** It cannot be asked; the message is for people. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
  /** What the server calls it (docs/control.md); "" when it said nothing. */
  readonly code: string;

  constructor(message: string, code = "") {
    super(message);
    this.code = code;
  }
}

/** Sends `request` to the server of this configuration. Resolves with its result; throws NoAnswer. */
export async function ask(configFile: string, request: object, event: (event: object) => void): Promise<object> {
  const sockets = findControlSockets(configFile, controlOf(configFile), thisUser());
  for (const socket of sockets) {
    const answer = await new Question(socket, request, event).answer;
    if (answer !== undefined) return answer;
  }
  throw new NoAnswer(`no server runs with ${configFile}, or it is another user's`);
}

/** `[server] control`, also of a file that is otherwise wrong: a server that runs well must be reachable. */
function controlOf(configFile: string): string {
  try {
    const { server } = parse(readFileSync(configFile, "utf8")) as { server?: { control?: unknown } };
    const control = server?.control;
    if (control === CONTROL_OFF) throw new NoAnswer(`${configFile} has control = "off": that server cannot be asked`);
    if (typeof control !== "string" || control === CONTROL_AUTO) return CONTROL_AUTO;
    return resolve(dirname(configFile), control.replace(/^unix:/, ""));
  } catch (error) {
    if (error instanceof NoAnswer) throw error;
    return CONTROL_AUTO;
  }
}

interface Message {
  readonly id?: unknown;
  readonly event?: object;
  readonly result?: object;
  readonly error?: { readonly code: string; readonly message: string } | null;
}

class Question implements ConnectOwner {
  /** Undefined: nobody listens there. */
  readonly answer: Promise<object | undefined>;
  private readonly resolve: (answer: object | undefined) => void;
  private readonly reject: (why: NoAnswer) => void;
  private readonly request: object;
  private readonly event: (event: object) => void;
  private readonly lines = new LineSplitter(ANSWER_BYTES_MAX);
  private wire: Wire | undefined;
  private isGreeted = false;

  constructor(socket: string, request: object, event: (event: object) => void) {
    const { promise, resolve: done, reject } = Promise.withResolvers<object | undefined>();
    this.answer = promise;
    this.resolve = done;
    this.reject = reject;
    this.request = request;
    this.event = event;
    const attempt = connect({ kind: "unix", path: socket }, this);
    setTimeout(() => {
      if (this.wire !== undefined) return;
      attempt.cancel();
      done(undefined);
    }, CONNECT_MS).unref();
    setTimeout(() => {
      if (this.wire !== undefined && !this.isGreeted) this.end(silence(socket));
    }, GREETING_MS).unref();
  }

  connected(wire: Wire): void {
    this.wire = wire;
    new Outbox(wire).write(Buffer.from(`${JSON.stringify({ id: 1, ...this.request })}\n`));
  }

  failed(): void {
    this.resolve(undefined);
  }

  received(bytes: Uint8Array): void {
    for (const line of this.lines.push(bytes)) this.hear(line);
  }

  private hear(line: string): void {
    this.isGreeted = true;
    const message = parseMessage(line);
    if (message === undefined) return this.end("the server says something that is no answer");
    if (message.error) return this.end(message.error.message, message.error.code);
    if (message.event !== undefined) this.event(message.event);
    if (message.result === undefined) return;
    this.resolve(message.result);
    this.wire?.close();
  }

  private end(why: string, code = ""): void {
    this.reject(new NoAnswer(printable(why), code));
    this.wire?.close();
  }

  drained(): void {}

  ended(): void {
    this.wire?.close();
  }

  closed(): void {
    this.reject(new NoAnswer("the server has ended without an answer"));
  }
}

/** The lock beside the socket says whose it is (control-place.ts). */
function silence(socket: string): string {
  const pid = pidIn(socket.replace(/\.sock$/, ".lock")) ?? pidIn(`${socket}.lock`);
  const who = pid === undefined ? "the server" : `the server, pid ${pid},`;
  const remedy = pid === undefined ? "" : `; kill -KILL ${pid} ends it with all that it has started`;
  return `${who} has not answered for ${GREETING_MS / 1000} s: it hangs, or was stopped${remedy}`;
}

function parseMessage(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Newlines and tabs stay: tracebacks have them. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
