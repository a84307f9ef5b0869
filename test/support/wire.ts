/**
 * A raw client: bytes out, bytes in, over TCP or a unix socket, and the reading of HTTP/1.1 replies one by one. It checks
 * nothing that the server should be free to do, and everything about framing that a client has to trust.
 */
import { connect, type Socket } from "node:net";
import { within } from "./wait.ts";

export type Address =
  | { readonly host: string; readonly port: number; /** To connect from. */ readonly localAddress?: string }
  | { readonly path: string };

export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  /** In order, names as sent. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** How the end of the body was told. */
  readonly framing: "length" | "chunked" | "close" | "none";
}

/** Of the first field of that name. */
export function field(answer: Answer, name: string): string | undefined {
  return answer.fields.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
}

const PATIENCE_MS = 15_000;

export class Client {
  private readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private ended = false;
  private failure: string | undefined;
  private wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.wake();
    });
    socket.on("end", () => this.finish());
    socket.on("close", () => this.finish());
    socket.on("error", (error) => {
      this.failure = error.message;
      this.finish();
    });
  }

  static async open(address: Address): Promise<Client> {
    const { promise, resolve, reject } = Promise.withResolvers<Client>();
    const socket = connect({ ...address, allowHalfOpen: true });
    const client = new Client(socket);
    socket.once("connect", () => resolve(client));
    socket.once("error", reject);
    return within("connecting", PATIENCE_MS, promise);
  }

  private finish(): void {
    this.ended = true;
    this.wake();
  }

  /** This end's. */
  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Resolves when the kernel has taken it. */
  sent(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    return within("sending", PATIENCE_MS, promise);
  }

  /** FIN; reading goes on. */
  half(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  /** Takes nothing from the kernel until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** What has come and was not read yet. */
  get waiting(): Buffer {
    return this.received;
  }

  /** Did the server end its side? `error` when it did so with a reset. */
  get end(): "open" | "closed" | "error" {
    if (!this.ended) return "open";
    return this.failure === undefined ? "closed" : "error";
  }

  /** Resolves when more bytes have come, or the end. */
  private more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    return within("waiting for the server's bytes", PATIENCE_MS, promise);
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<Buffer> {
    while (!this.ended) await this.more();
    return this.take(this.received.length);
  }

  async line(): Promise<string> {
    return (await this.through("\r\n")).latin1Slice().slice(0, -2);
  }

  /** Up to and including `mark`. */
  async through(mark: string): Promise<Buffer> {
    for (;;) {
      const at = this.received.indexOf(mark, 0, "latin1");
      if (at !== -1) return this.take(at + mark.length);
      await this.mustGoOn(`no ${JSON.stringify(mark)}`);
    }
  }

  async exactly(length: number): Promise<Buffer> {
    while (this.received.length < length) await this.mustGoOn(`${length} bytes were announced`);
    return this.take(length);
  }

  private async mustGoOn(what: string): Promise<void> {
    if (this.ended) {
      const seen = this.received.subarray(0, 200).latin1Slice();
      throw new Error(`the connection ended (${this.failure ?? "closed"}): ${what} in ${JSON.stringify(seen)}`);
    }
    await this.more();
  }

  private take(length: number): Buffer {
    const taken = this.received.subarray(0, length);
    this.received = this.received.subarray(length);
    return taken;
  }

  /** The next reply, whole. `method` is that of its request: a reply to HEAD has no content. */
  async answer(method = "GET"): Promise<Answer> {
    const head = await this.head();
    const none = method === "HEAD" || head.status < 200 || head.status === 204 || head.status === 304;
    if (none) return { ...head, framing: "none", body: Buffer.alloc(0) };
    const length = value(head.fields, "content-length");
    if (value(head.fields, "transfer-encoding") === "chunked") {
      if (length !== undefined) throw new Error("both Content-Length and Transfer-Encoding in a reply");
      return { ...head, framing: "chunked", body: await this.chunks() };
    }
    if (length === undefined) return { ...head, framing: "close", body: await this.rest() };
    return { ...head, framing: "length", body: await this.exactly(Number(length)) };
  }

  /** The next status line with its fields, interim replies included. */
  async head(): Promise<Omit<Answer, "body" | "framing">> {
    const [statusLine = "", ...lines] = (await this.through("\r\n\r\n")).latin1Slice().slice(0, -4).split("\r\n");
    const match = /^(HTTP\/1\.[01]) (\d{3}) (.*)$/.exec(statusLine);
    if (match === null) throw new Error(`no status line: ${JSON.stringify(statusLine)}`);
    const fields = lines.map((line) => {
      const colon = line.indexOf(":");
      if (colon < 1) throw new Error(`no field line: ${JSON.stringify(line)}`);
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
    return { version: match[1] as string, status: Number(match[2]), reason: match[3] as string, fields };
  }

  private async chunks(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let piece = await this.chunk(); piece.length > 0; piece = await this.chunk()) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** One chunk's data, empty for the last (whose trailer section is read too). */
  async chunk(): Promise<Buffer> {
    const line = await this.line();
    if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`no chunk size: ${JSON.stringify(line)}`);
    const data = await this.exactly(parseInt(line, 16));
    if (data.length > 0) await this.through("\r\n");
    else while ((await this.line()) !== "") continue;
    return data;
  }
}

function value(fields: Answer["fields"], name: string): string | undefined {
  return fields.find(([each]) => each.toLowerCase() === name)?.[1].toLowerCase();
}

/** Sends `request` on a connection of its own and gives the one reply. */
export async function ask(address: Address, request: string | Uint8Array, method = "GET"): Promise<Answer> {
  const client = await Client.open(address);
  try {
    client.send(request);
    return await client.answer(method);
  } finally {
    client.close();
  }
}

/** GET with a Host and nothing else. */
export function get(address: Address, target: string, host = "localhost"): Promise<Answer> {
  return ask(address, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}
