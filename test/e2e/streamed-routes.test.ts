/** An application's large blocks by all ways that lead to it and with all that may stand before it; send_timeout; what is counted of them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect } from "node:tls";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { type Pace, PacedClient } from "../support/paced-client.ts";
import { ReplyReader } from "../support/reply-reader.ts";
import {
  type Asked,
  contentOf,
  KIB,
  MIB,
  notesOf,
  requestOf,
  sizeOf,
  streamsApp,
  targetOf,
} from "../support/streams.ts";
import { until } from "../support/wait.ts";
import { Client } from "../support/wire.ts";
import { uwsgiPacket } from "../support/uwsgi-packet.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const FORMS: readonly Asked[] = [
  { sizes: "65536*24,5", seed: 31 },
  { sizes: "65536*24,5", seed: 32, length: "exact" },
  { sizes: `1,${2 * MIB},8192*9,100000`, seed: 33, way: "write" },
  { sizes: `${5 * MIB},3`, seed: 34, way: "both" },
  { sizes: "32768*20", seed: 35, way: "list", length: "exact" },
  { sizes: "100000*12", seed: 36, pause: 0.01 },
];

const folder = makeFolder("streamed");
const unix = join(folder, "site.sock");
const gateway = join(folder, "app.sock");
let server: Server;
let address: { host: string; port: number };
let securePort = 0;
let privatePort = 0;

beforeAll(async () => {
  address = { host: "127.0.0.1", port: await freePort() };
  [securePort, privatePort] = [await freePort(), await freePort()];
  const routes = [
    '"/" = { app = "streams" }',
    '"/small/" = { app = "streams", compress = true }',
    '"/kept/" = { app = "streams", cache = { ttl = "60s", max_entry = "16MiB", x_cache = true } }',
    '"/too-large/" = { app = "streams", cache = { ttl = "60s", max_entry = "64KiB", x_cache = true } }',
    '"/asked/" = { app = "streams", auth_request = "/allow" }',
    '"/allow" = { app = "streams", internal = true }',
    '"/limited/" = { app = "streams", limit = "pace" }',
    '"/counted/" = { app = "streams" }',
  ].join("\n");
  const plain = `"127.0.0.1:${address.port}", "unix:${unix}"`;
  server = await startServer(
    `[server]
fronts = 2
send_timeout = "2s"
min_send_rate = 0
state_directory = "state"
[limit.pace]
rate = "1000/s"
burst = 100
${streamsApp(1, 4, `uwsgi_socket = "unix:${gateway}"`)}
[metrics]
listen = "127.0.0.1:${privatePort}"
[[site]]
listen = [${plain}, { address = "127.0.0.1:${securePort}", tls = true }]
names = ["localhost"]
tls = "internal"
https_redirect = false
[site.routes]
${routes}
`,
    { folder },
  );
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

async function read(asked: Asked, path: string, more = "", pace?: Pace): Promise<ReplyReader> {
  const client = await PacedClient.open(address);
  await client.send(requestOf(asked, { path, more }));
  const reply = await client.reply(pace);
  expect([reply.isOver, reply.status, reply.surplus.length]).toEqual([true, 200, 0]);
  client.close();
  return reply;
}

function checkSame(body: Buffer, asked: Asked): void {
  expect(body.length).toBe(sizeOf(asked));
  expect(body.equals(contentOf(asked))).toBe(true);
}

/** Rests after each 128 KiB. */
function slowly(): Pace {
  let next = 128 * KIB;
  return (taken) => {
    if (taken < next) return [0, next - taken];
    next += 128 * KIB;
    return [15, 128 * KIB];
  };
}

describe.each([
  ["at once", () => undefined],
  ["slowly", slowly],
])("to who reads %s", (_, pace) => {
  test.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
  ] as const)("compressed by %s", async (coding, decompress) => {
    for (const asked of FORMS) {
      const { body, fields } = await read(asked, "/small/", `Accept-Encoding: ${coding}\r\n`, pace());
      expect(fields.get("content-encoding")).toBe(coding);
      checkSame(decompress(body), asked);
    }
  });

  test("kept by the cache, and then out of it; too large to be kept", async () => {
    for (const asked of FORMS.slice(0, 3)) {
      // Each pace has replies of its own.
      const own = { ...asked, name: `kept${pace === slowly}`, cc: "public" };
      for (const seen of ["MISS", "HIT", "HIT"]) {
        const { body, fields } = await read(own, "/kept/", "", pace());
        checkSame(body, own);
        expect(fields.get("x-cache")).toBe(seen);
        checkSame((await read(own, "/too-large/", "", pace())).body, own);
      }
    }
  });

  test.each(["/asked/", "/limited/"])("%s: behind auth_request, behind a limit", async (path) => {
    for (const asked of FORMS) checkSame((await read(asked, path, "", pace())).body, asked);
  });

  test("by TLS, several on a connection", async () => {
    const bodies = await overTls(FORMS, pace === slowly);
    for (const [number, asked] of FORMS.entries()) checkSame(bodies[number] as Buffer, asked);
  });
});

/** The bodies of the replies, in order. */
async function overTls(all: readonly Asked[], rests: boolean): Promise<Buffer[]> {
  const bodies: Buffer[] = [];
  const socket = connect({ host: "127.0.0.1", port: securePort, rejectUnauthorized: false, servername: "localhost" });
  let reader = new ReplyReader("GET");
  socket.write(all.map((asked) => requestOf(asked)).join(""));
  socket.on("data", (bytes: Buffer) => {
    for (reader.feed(bytes); reader.isOver;) {
      bodies.push(reader.body);
      const { surplus } = reader;
      reader = new ReplyReader("GET");
      reader.feed(surplus);
    }
    if (rests) socket.pause();
  });
  socket.on("error", () => {});
  const timer = setInterval(() => socket.resume(), 5);
  await until("all replies", 20_000, () => bodies.length === all.length || socket.destroyed);
  clearInterval(timer);
  expect(reader.surplus.length).toBe(0);
  socket.destroy();
  return bodies;
}

test("by a unix socket, several on a connection", async () => {
  const client = await Client.open({ path: unix });
  client.send(FORMS.map((asked) => requestOf(asked)).join(""));
  for (const asked of FORMS) checkSame((await client.answer()).body, asked);
  client.close();
});

test("by a gateway, up to the end of the connection", async () => {
  for (const asked of FORMS) {
    const client = await Client.open({ path: gateway });
    const target = targetOf(asked);
    client.send(uwsgiPacket({ REQUEST_URI: target, QUERY_STRING: target.slice(target.indexOf("?") + 1) }));
    await client.through("\r\n\r\n");
    checkSame(await client.rest(), asked);
    client.close();
  }
});

/** server_sent_bytes_total of /counted/. */
async function sentBytes(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${privatePort}/metrics`)).text();
  return Number(/^server_sent_bytes_total\{[^}]*route="\/counted\/"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

test("metrics count what was sent, heads and framing included", async () => {
  const before = await sentBytes();
  let sent = 0;
  for (const asked of FORMS)
    for (const pace of [undefined, slowly()]) sent += (await read(asked, "/counted/", "", pace)).wireBytes;
  await until(`${sent} more bytes`, 10_000, async () => (await sentBytes()) === before + sent);
});

test.each([
  ["free", {}],
  ["announced", { length: "exact" as const }],
  ["one", { sizes: `1,${5 * MIB}` }],
])("send_timeout ends the connection of who reads nothing; the thread is free long before (%s)", async (kind, more) => {
  const name = `nobody-${kind}`;
  const asked: Asked = { sizes: "65536*80", name, ...more };
  const client = await PacedClient.open(address, 8 * KIB);
  await client.send(requestOf(asked));
  const notes = async () => (await notesOf(address, name)).notes;
  await until("the end of its blocks", 10_000, async () => (await notes()).length === 3);
  const line = new RegExp(`"GET /\\?sizes=\\S*name=${name}`);
  expect(server.output).not.toMatch(line);
  expect((await notes())[1]).toBe("whole");
  await until("line in the access log", 10_000, () => line.test(server.output));
  await server.logged("send_timeout: ");
  const reply = await client.reply();
  expect([reply.isOver, client.end === "open"]).toEqual([false, false]);
  client.close();
});
