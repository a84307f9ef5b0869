/** Bun's WebSocket client with its events as promises: messages in order, the close with its code. */
import { within } from "./wait.ts";

const PATIENCE_MS = 20_000;

export class WebSocketClient {
  readonly closed: Promise<number>;
  private readonly socket: WebSocket;
  private readonly messages: (string | Uint8Array)[] = [];
  private wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    const { promise, resolve } = Promise.withResolvers<number>();
    this.closed = promise;
    socket.addEventListener("message", ({ data }) => {
      this.messages.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
      this.wake();
    });
    socket.addEventListener("close", ({ code }) => {
      resolve(code);
      this.wake();
    });
  }

  /** Rejects when the server does not switch. */
  static async open(url: string, protocols: string[] = []): Promise<WebSocketClient> {
    const socket = new WebSocket(url, protocols);
    const client = new WebSocketClient(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error(`${url} did not become a WebSocket`)));
    await within(url, PATIENCE_MS, promise);
    return client;
  }

  get protocol(): string {
    return this.socket.protocol;
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(message);
  }

  async next(): Promise<string | Uint8Array> {
    while (this.messages.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error("the WebSocket is closed");
      const { promise, resolve } = Promise.withResolvers<void>();
      this.wake = resolve;
      await within("a message", PATIENCE_MS, promise);
    }
    return this.messages.shift() ?? "";
  }

  async echo(message: string): Promise<string | Uint8Array> {
    this.send(message);
    return this.next();
  }

  close(): void {
    this.socket.close(1000);
  }

  /** Without the closing handshake. */
  terminate(): void {
    (this.socket as unknown as { terminate(): void }).terminate();
  }
}
