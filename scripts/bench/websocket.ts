/**
 * WebSocket echo through a proxy: 200 connections, each with one message under way, through one front and through one nginx
 * worker to the same upstream, without an access log. Upstream and clients run in this process, so that only the proxy is measured.
 *
 *   bun scripts/bench/websocket.ts --seconds 3 --rounds 3 --connections 200
 *
 * The bar is CPU per message (there and back) of the proxy's whole tree: not more than nginx.
 */
import { parseArgs } from "node:util";
import { startServer } from "../../test/support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../../test/support/folder.ts";
import { nginxMissing, startNginx } from "../../test/support/nginx.ts";
import { treeCpuMs } from "../../test/support/processes.ts";
import { site } from "../../test/support/toml.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "200" },
  },
});

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

function startEcho(): { port: number; stop: () => void } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no WebSocket", { status: 400 })),
    websocket: { message: (socket, message) => void socket.send(message) },
  });
  return { port: server.port ?? 0, stop: () => void server.stop(true) };
}

interface Client {
  readonly messages: () => number;
  readonly close: () => void;
}

/** Sends the next message when the answer to the last one is here. */
async function converse(port: number): Promise<Client> {
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

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly stop: () => Promise<unknown>;
}

async function startOurs(folder: string, upstream: number): Promise<Contender> {
  const port = await freePort();
  const toml = `[server]\nfronts = 1\naccess_log = "off"\n[upstream.echo]\nservers = ["127.0.0.1:${upstream}"]\n`;
  const server = await startServer(toml + site(`127.0.0.1:${port}`, `"/" = { upstream = "echo" }`), { folder });
  return { name: "server", port, pid: server.pid, stop: () => server.dispose() };
}

async function startTheirs(folder: string, upstream: number): Promise<Contender> {
  const port = await freePort();
  const server = `location / {
    proxy_pass http://127.0.0.1:${upstream}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; }`;
  const nginx = await startNginx({ folder, port, server, workers: 1 });
  return { name: "nginx", port, pid: nginx.pid, stop: () => nginx.stop() };
}

async function measure({ port, pid }: Contender, seconds: number): Promise<{ perSecond: number; cpuUs: number }> {
  const clients = await Promise.all(Array.from({ length: Number(values.connections) }, () => converse(port)));
  const count = () => clients.reduce((sum, client) => sum + client.messages(), 0);
  const [before, cpuBefore] = [count(), treeCpuMs(pid)];
  await Bun.sleep(seconds * 1000);
  const [messages, cpuMs] = [count() - before, treeCpuMs(pid) - cpuBefore];
  for (const client of clients) client.close();
  if (messages === 0) throw new Error("no message came back");
  return { perSecond: messages / seconds, cpuUs: (cpuMs * 1000) / messages };
}

async function compare(contenders: readonly Contender[]): Promise<void> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as { perSecond: number; cpuUs: number }[]]));
  for (const contender of contenders) await measure(contender, 1);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const each of contenders) samples.get(each.name)?.push(await measure(each, Number(values.seconds)));
  }
  const middle = (all: readonly number[]) => all.toSorted((a, b) => a - b)[all.length >> 1] as number; // one round at least
  const rows = [...samples].map(([name, all]) => ({
    name,
    perSecond: middle(all.map((each) => each.perSecond)),
    cpuUs: middle(all.map((each) => each.cpuUs)),
  }));
  const peer = rows.at(-1) as (typeof rows)[number]; // there are two
  console.log(`\nWebSocket echo, ${values.connections} connections, one front against one worker; medians`);
  for (const { name, perSecond, cpuUs } of rows) {
    const figures = `${perSecond.toFixed(0).padStart(8)} messages/s  ${cpuUs.toFixed(2).padStart(6)} µs CPU/message`;
    console.log(`  ${name.padEnd(8)}${figures}  ${(cpuUs / peer.cpuUs).toFixed(2)} × the CPU`);
  }
}

async function main(): Promise<void> {
  const missing = nginxMissing();
  if (missing !== undefined) throw new Error(missing);
  const folder = makeFolder("bench-websocket");
  writeFiles(folder, { "front/x": "" });
  const echo = startEcho();
  const running: Contender[] = [];
  try {
    running.push(await startOurs(folder, echo.port), await startTheirs(`${folder}/front`, echo.port));
    await compare(running);
  } finally {
    for (const each of running) await each.stop();
    echo.stop();
    removeFolder(folder);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
