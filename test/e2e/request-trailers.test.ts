/** Trailers of requests on their way through one server and through two. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

/** Tells all that came as the content of its answer, once chunks or a body without trailers have ended. */
const upstream = createServer((socket: Socket) => {
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    const isChunked = text.includes("\r\nTransfer-Encoding: chunked\r\n");
    if (isChunked ? !/\r\n0\r\n([^\r\n]+\r\n)*\r\n$/.test(text) : !text.endsWith("onewhole")) return;
    const told = Buffer.from(JSON.stringify(text));
    text = "";
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${told.length}\r\n\r\n`);
    socket.write(told);
  });
});

let server: Server;
let port: number;

beforeAll(async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.listen(0, "127.0.0.1", resolve);
  await promise;
  const last = (upstream.address() as { port: number }).port;
  const second = await freePort();
  port = await freePort();
  const toml = `${ONE_FRONT}
[upstream.streams]
servers = "127.0.0.1:${last}"
request_buffering = false
[upstream.dressed]
servers = "127.0.0.1:${last}"
request_buffering = false
headers_up = { remove = "X-Internal" }
[upstream.collects]
servers = "127.0.0.1:${last}"
[upstream.second]
servers = "127.0.0.1:${second}"
request_buffering = false
`;
  const first = `"/streams/" = { upstream = "streams" }\n"/dressed/" = { upstream = "dressed" }\n"/collects/" = { upstream = "collects" }\n"/" = { upstream = "second" }`;
  const behind = site(`127.0.0.1:${second}`, `"/" = { upstream = "dressed" }`);
  server = await startServer(toml + site(`127.0.0.1:${port}`, first) + behind, {});
});
afterAll(async () => {
  upstream.close();
  await server.dispose();
});

async function told(path: string, trailers: string, announced = "X-Sum"): Promise<string> {
  const client = await Client.open({ host: "127.0.0.1", port });
  client.send(`PUT ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: ${announced}\r\n\r\n`);
  client.send("3\r\none\r\n");
  client.send(`5\r\nwhole\r\n0\r\n${trailers}\r\n`);
  const answer = await client.answer();
  client.close();
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body.toString()) as string;
}

describe.each(["/streams/", "/dressed/", "/both/"])("%s", (path) => {
  test("passes them behind the chunks, and says so before", async () => {
    const text = await told(path, "X-Sum: 8\r\nX-Two: a b\r\n", "X-Sum, Cookie, X-Two");
    expect(text).toContain("\r\nTrailer: X-Sum, X-Two\r\n");
    expect(text).toContain("\r\nTransfer-Encoding: chunked\r\n");
    expect(text).toEndWith("\r\n0\r\nX-Sum: 8\r\nX-Two: a b\r\n\r\n");
  });

  test("passes none that would say in the end what nobody may say in the beginning", async () => {
    const said = "X-Forwarded-For: 6.6.6.6\r\nX-Remote-User: root\r\nX_Sum: 1\r\nCookie: a=1\r\nAuthorization: x\r\n";
    const text = await told(path, `${said}X-Sum: 8\r\n`, "X-Sum, Cookie, X-Remote-User");
    expect(text).toContain("\r\nTrailer: X-Sum\r\n");
    expect(text).toEndWith("\r\n0\r\nX-Sum: 8\r\n\r\n");
    for (const gone of ["6.6.6.6", "root", "X_Sum", "Cookie", "Authorization"]) expect(text).not.toContain(gone);
  });
});

test("what headers_up removes does not come by the back door", async () => {
  expect(await told("/dressed/", "X-Internal: 1\r\nX-Sum: 8\r\n")).toEndWith("\r\n0\r\nX-Sum: 8\r\n\r\n");
});

test("a body that was taken in first has a length and nothing behind it", async () => {
  const text = await told("/collects/", "X-Sum: 8\r\n");
  expect(text).toContain("\r\nContent-Length: 8\r\n");
  expect(text).not.toContain("Trailer:");
  expect(text).toEndWith("\r\n\r\nonewhole");
});
