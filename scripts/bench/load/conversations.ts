/** WebSocket clients that send the next message when the answer to the last one is here, and the upstream that echoes them. */

const TEXT = "a message of the usual length, such as a chat has";
const MASK = [1, 2, 3, 4] as const;
const UPGRADE = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
const OFFER = `${UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;

/** RFC 6455 section 5.2: a client's text frame, masked. */
function maskedFrame(text: string): Buffer {
  const content = Buffer.from(text).map((byte, i) => byte ^ (MASK[i & 3] as number)); // four of them
  return Buffer.concat([Buffer.from([0x81, 0x80 | content.length, ...MASK]), content]);
}

const QUESTION = maskedFrame(TEXT);
const ANSWER_BYTES = 2 + TEXT.length;

export function startEcho(): { port: number; stop: () => void } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no WebSocket", { status: 400 })),
    websocket: { message: (socket, message) => void socket.send(message) },
  });
  return { port: server.port ?? 0, stop: () => void server.stop(true) };
}

export interface Conversation {
  readonly messages: () => number;
  readonly close: () => void;
}

/** Rejects when the server does not switch, or closes. */
export async function converse(port: number): Promise<Conversation> {
  let messages = 0;
  let awaited = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (self) => void self.write(OFFER),
      data: (self, bytes) => {
        if (awaited === 0) {
          if (!bytes.toString("latin1").startsWith("HTTP/1.1 101")) return reject(new Error(bytes.toString("latin1")));
          resolve();
        } else {
          awaited -= bytes.length;
          if (awaited > 0) return;
          messages++;
        }
        awaited = ANSWER_BYTES;
        self.write(QUESTION);
      },
      close: () => reject(new Error("the connection was closed")),
    },
  });
  await promise;
  return { messages: () => messages, close: () => socket.terminate() };
}
