/** What of a reply's fields reaches the client, through the whole engine; and how its words to the gateway are taken. */
import { describe, expect, test } from "bun:test";
import { joinRules } from "../../src/exchange/reply-headers.ts";
import type { ProxyOptions, UpstreamOptions } from "../../src/proxy/options.ts";
import { answering, OK, rig, startScripted } from "../support/scripted-upstream.ts";
import { SILENT } from "../../src/base/log.ts";
import { template } from "../support/template.ts";
import { until } from "../support/wait.ts";

type Pairs = readonly (readonly [string, string])[];

/** The fields of a reply with these, asked for at /app/x of a route that is mounted at /app. */
async function passed(
  fields: Pairs,
  options: Partial<UpstreamOptions> = {},
  route: Partial<ProxyOptions> = {},
): Promise<Pairs> {
  const server = startScripted(() => {});
  const lines = fields.map(([name, value]) => `${name}: ${value.replace("PORT", String(server.port))}\r\n`).join("");
  const made = rig([server.port], options, SILENT, route);
  const { exchange, reply } = made.request({ path: "/app/x", fields: [["Host", "www.example:8000"]] });
  exchange.mount = "/app";
  await until("the request", 5000, () => server.visits[0]?.heads === 1);
  server.visits[0]?.send(OK.replace("\r\n", `\r\n${lines}`));
  await reply.over;
  server.stop();
  return reply.head?.fields.pairs() ?? [];
}

const value = async (...args: Parameters<typeof passed>) => (await passed(...args))[0]?.[1];

describe("Location and Refresh that name the server's own address name this one", () => {
  const cases: readonly (readonly [sent: string, plain: string, stripped: string])[] = [
    ["http://127.0.0.1:PORT/x?y#z", "/x?y#z", "/app/x?y#z"],
    ["http://127.0.0.1:PORT", "/", "/app/"],
    ["HTTPS://127.0.0.1:PORT/x", "/x", "/app/x"],
    ["http://127.0.0.1:PORT//evil.example/", "/.//evil.example/", "/app/.//evil.example/"],
    ["http://backend.internal/x", "/x", "/app/x"],
  ];
  test.each(cases)("%s", async (sent, plain, stripped) => {
    const options = { host: template("backend.internal") };
    expect(await value([["Location", sent]], options)).toBe(plain);
    expect(await value([["Location", sent]], options, { stripPrefix: true })).toBe(stripped);
    expect(await value([["Refresh", `5; url=${sent}`]], options)).toBe(`5; url=${plain}`);
  });

  const kept = ["http://other.example/x", "http://www.example:8000/x", "/x", "../x", "http://127.0.0.1/x", "nonsense"];
  test.each(kept)("%s stays", async (sent) => {
    expect(await value([["Location", sent]], {}, { stripPrefix: true })).toBe(sent);
  });

  test("not where that is turned off", async () => {
    const sent = "http://backend.internal/x";
    expect(await value([["Location", sent]], { host: template("backend.internal"), rewriteRedirects: false })).toBe(
      sent,
    );
  });
});

describe("cookies", () => {
  const options = {
    cookieDomains: [{ from: "backend.internal", to: template("$http_host") }],
    cookiePaths: [{ from: "/app/", to: template("/") }],
  };
  const cases: Pairs = [
    ["a=1; Domain=backend.internal; Path=/app/x", "a=1; Domain=www.example:8000; Path=/x"],
    ["a=1; domain=.Backend.Internal; Secure", "a=1; domain=www.example:8000; Secure"],
    ["a=1; path=/other; HttpOnly", "a=1; path=/other; HttpOnly"],
    ["path=/app/; Domain=x.example", "path=/app/; Domain=x.example"],
  ];
  test.each(cases)("%s", async (sent, wanted) => {
    expect(await value([["Set-Cookie", sent]], options)).toBe(wanted);
  });
});

test("headers_down is done to what is left; X-Accel-* and hop-by-hop fields are not", async () => {
  const headersDown = joinRules([
    { kind: "remove", name: "X-Powered-By" },
    { kind: "set", name: "X-Status", value: template("$status of $sent_http_x_a", undefined, "reply") },
  ]);
  const fields: Pairs = [
    ["X-Powered-By", "PHP"],
    ["X-A", "1"],
    ["Keep-Alive", "timeout=5"],
    ["X-Accel-Buffering", "yes"],
  ];
  expect(await passed(fields, { headersDown })).toEqual([
    ["X-A", "1"],
    ["X-Status", "200 of 1"],
  ]);
});

describe("buffering", () => {
  /** Bytes that the upstream gets rid of while the client reads nothing. */
  async function heldOf(fields: string, options: Partial<UpstreamOptions> = {}): Promise<number> {
    const total = 64 * 1024 * 1024;
    const server = startScripted(() => {});
    const { reply } = rig([server.port], options).request();
    reply.full = true;
    await until("the request", 5000, () => server.visits[0]?.heads === 1);
    server.visits[0]?.send(`HTTP/1.1 200 OK\r\n${fields}Content-Length: ${total}\r\n\r\n`);
    server.visits[0]?.send(Buffer.alloc(total));
    await until("the reply", 5000, () => reply.state === "started");
    let last = -1;
    // A second without progress: the file of a busy machine takes its time, too.
    for (let still = 0; still < 10 && last !== 0; await Bun.sleep(100)) {
      const unsent = server.visits[0]?.unsent ?? 0;
      still = unsent === last ? still + 1 : 0;
      last = unsent;
    }
    reply.leave();
    server.stop();
    return total - last;
  }

  /** What the kernel's buffers of one connection may hold. */
  const KERNEL = 32 * 1024 * 1024;

  test("takes everything from the server, for a client that reads nothing", async () => {
    expect(await heldOf("")).toBe(64 * 1024 * 1024);
  });

  test("is bounded by memory and file together", async () => {
    const bounds = { replyMemoryBytes: 64 * 1024, replyFileBytes: 1024 * 1024 };
    expect(await heldOf("", bounds)).toBeLessThan(KERNEL);
  });

  test.each(["X-Accel-Buffering: no\r\n", "Content-Type: text/event-stream\r\n"])("is none with %s", async (fields) => {
    expect(await heldOf(fields)).toBeLessThan(KERNEL);
  });

  test("is none where that is said, unless the reply asks for it", async () => {
    expect(await heldOf("", { replyBuffering: false })).toBeLessThan(KERNEL);
    expect(await heldOf("X-Accel-Buffering: yes\r\n", { replyBuffering: false })).toBe(64 * 1024 * 1024);
  });
});

test("X-Accel-Limit-Rate bounds the reply's bytes per second", async () => {
  const content = "x".repeat(30_000);
  const wire = `HTTP/1.1 200 OK\r\nX-Accel-Limit-Rate: 100000\r\nContent-Length: 30000\r\n\r\n${content}`;
  const server = startScripted(answering(wire));
  const begun = performance.now();
  const { reply } = await rig([server.port]).ask();
  expect(reply.text).toBe(content);
  expect(performance.now() - begun).toBeGreaterThan(200);
  server.stop();
});

describe("a client that leaves", () => {
  async function leaves(options: Partial<UpstreamOptions>) {
    const server = startScripted(() => {});
    const { reply } = rig([server.port], options).request();
    await until("the request", 5000, () => server.visits[0]?.heads === 1);
    reply.leave();
    return server;
  }

  test("ends the work of the server", async () => {
    const server = await leaves({});
    await until("its end", 5000, () => server.visits[0]?.state !== "open");
    server.stop();
  });

  test("does not where that is said; the reply is read to its end, and the connection kept", async () => {
    const server = await leaves({ ignoreClientAbort: true });
    await Bun.sleep(50);
    expect(server.visits[0]?.state).toBe("open");
    server.visits[0]?.send(OK);
    await Bun.sleep(50);
    expect(server.visits[0]?.state).toBe("open");
    server.stop();
  });
});
