/** auth_request of the built binary, asked of upstreams and an app that give their verdict and come to no end behind it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

/** Behind this head: one piece after the other, nothing at all, or a page in a packet of its own. */
const HEADS = {
  endless: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  silent: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
  forbidden: "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n",
  page: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
};
const FORMS = Object.keys(HEADS) as (keyof typeof HEADS)[];

const APP = `
import time
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    def pieces():
        while True:
            yield b"x"
            time.sleep(0.1)
    return pieces()
`;

const open = new Map<string, Set<Socket>>(FORMS.map((form) => [form, new Set()]));
const folder = makeFolder("auth-request");
let connections = 0;
const authority = createServer(answerSlowly);
let server: Server;
let address: Address;

beforeAll(async () => {
  address = { host: "127.0.0.1", port: await freePort() };
  const port = await freePort();
  const { promise, resolve } = Promise.withResolvers<void>();
  authority.listen(port, "127.0.0.1", resolve);
  await promise;
  const asking = [...FORMS, "app"].map((form) => `"/${form}/" = { respond = "in", auth_request = "/ask/${form}" }`);
  const asked = `"/ask/" = { upstream = "authority", internal = true }\n"/ask/app" = { app = "slow", internal = true }`;
  const toml = `${ONE_FRONT}
[upstream.authority]
servers = ["127.0.0.1:${port}"]
[app.slow]
wsgi = "slow.py:application"
processes = 1
threads = 1
`;
  writeFiles(folder, { "slow.py": APP });
  server = await startServer(toml + site(`127.0.0.1:${address.port}`, [...asking, asked].join("\n")), { folder });
});
afterAll(async () => {
  for (const sockets of open.values()) for (const socket of sockets) socket.destroy();
  authority.close();
  await server.dispose();
  removeFolder(folder);
});

function answerSlowly(socket: Socket): void {
  connections++;
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    const form = FORMS.find((name) => bytes.includes(`/ask/${name} `)) ?? "silent";
    open.get(form)?.add(socket);
    socket.on("close", () => open.get(form)?.delete(socket));
    socket.write(HEADS[form]);
    if (form === "page") setTimeout(() => socket.write("done"), 50);
    if (form !== "endless") return;
    const timer = setInterval(() => socket.write("1\r\nx\r\n"), 50);
    socket.on("close", () => clearInterval(timer));
  });
}

test.each([
  ["endless", 200],
  ["silent", 200],
  ["forbidden", 403],
  ["app", 200],
] as const)("a verdict counts as soon as its head is there: %s", async (form, status) => {
  // The machine may be busy at the moment: once is proof enough.
  await until("an answer before what comes behind the head could be given up", 20_000, async () => {
    const beganMs = performance.now();
    expect((await get(address, `/${form}/`)).status).toBe(status);
    return performance.now() - beganMs < 1500;
  });
});

test("what comes behind it is not waited for any longer than a page takes", async () => {
  for (const form of ["endless", "silent"] as const) {
    await get(address, `/${form}/`);
    await until(`the end of ${form}`, 10_000, () => open.get(form)?.size === 0);
  }
  // One thread of one worker: it is asked again only when it is free.
  for (let i = 0; i < 2; i++) expect((await get(address, "/app/")).status).toBe(200);
});

test("a page behind it ends in order: the connection to the upstream is used again", async () => {
  // When the page has come to its end nobody outside is told: on a busy machine that may take longer than the pause.
  await until("three requests on a connection that was there before", 20_000, async () => {
    const before = connections;
    for (let i = 0; i < 3; i++) {
      expect((await get(address, "/page/")).body.toString()).toBe("in");
      await Bun.sleep(200);
    }
    return connections === before;
  });
});
