/** Replies of apps and upstreams that are kept: by the built server, with two fronts, against a Python app and upstreams. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:http";
import type { ServerStatus } from "../../src/cli/status-text.ts";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort } from "../support/folder.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, type Answer, ask, Client, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

let server: Server;
let address: Address;
/** What the upstream was asked, and whether it still works. */
const asked: string[] = [];
let works = true;

const upstream = createServer((request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers["if-none-match"] ?? "-"}`);
  if (!works) return void response.writeHead(500).end("broken");
  if (request.headers["if-none-match"] === '"v1"') return void response.writeHead(304, { ETag: '"v1"' }).end();
  const accel = request.url?.includes("accel") === true ? { "X-Accel-Expires": "60" } : {};
  const control = request.url?.includes("short") === true ? "max-age=1, stale-if-error=60" : "no-cache";
  response.writeHead(200, { ETag: '"v1"', "Cache-Control": control, ...accel });
  response.end(request.url?.includes("large") === true ? Buffer.alloc(4 * 1024 * 1024, "x") : "page");
});

beforeAll(async () => {
  const [port, upstreamPort] = [await freePort(), await freePort()];
  address = { host: "127.0.0.1", port };
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.listen(upstreamPort, "127.0.0.1", resolve);
  await promise;
  const routes = [
    `"/app/" = { app = "probe", cache = { x_cache = true } }`,
    `"/ttl/" = { app = "probe", cache = { ttl = "60s", x_cache = true, max_entry = "64KiB" } }`,
    `"/django/" = { app = "probe", cache = { preset = "django", x_cache = true } }`,
    `"/key/" = { app = "probe", cache = { key = "$host$uri", x_cache = true } }`,
    `"/up/" = { upstream = "u", cache = { x_cache = true } }`,
    `"/dead/" = { upstream = "dead", cache = {}, error_pages = { 502 = { respond = "sorry" } } }`,
    `"/plain/" = { app = "probe" }`,
  ].join("\n");
  const upstreams = `[upstream.u]\nservers = "127.0.0.1:${upstreamPort}"\n[upstream.dead]\nservers = "127.0.0.1:1"\n`;
  const head = `[server]\nfronts = 2\naccess_log_format = "$uri $upstream_cache_status."\n`;
  const app = probeApp({ module: "pages", threads: 8 });
  server = await startServer(head + app + upstreams + site(`127.0.0.1:${port}`, routes));
});

afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await server.dispose();
});

const show = (answer: Answer) => `${field(answer, "x-cache") ?? "-"} ${answer.body.toString().trim()}`;

/** On one connection, and so by one front. */
async function inTurn(...requests: string[]): Promise<Answer[]> {
  const client = await Client.open(address);
  const answers: Answer[] = [];
  for (const request of requests) {
    client.send(request.includes("\r\n") ? request : `GET ${request} HTTP/1.1\r\nHost: a\r\n\r\n`);
    answers.push(await client.answer());
  }
  client.close();
  return answers;
}

describe("an app", () => {
  test("is asked once for a page that it says is fresh", async () => {
    const [first, second] = await inTurn("/app/a?cc=max-age=60", "/app/a?cc=max-age=60");
    expect([first, second].map((each) => each && show(each))).toEqual(["MISS 1 GET -", "HIT 1 GET -"]);
    expect(second && field(second, "age")).toMatch(/^\d$/);
  });

  test("is asked each time for one of which it says nothing, or which sets a cookie", async () => {
    for (const query of ["b", "c?cc=max-age=60&cookie=a=b", "d?accel=0"]) {
      const answers = await inTurn(`/app/${query}`, `/app/${query}`);
      expect(answers.map(show)).toEqual(["MISS 1 GET -", "BYPASS 2 GET -"]);
    }
  });

  test("is asked once by a crowd", async () => {
    // By one for both fronts, unless the home of the page is too busy to say a word within a quarter of a second.
    let crowds = 0;
    await until("a crowd that asks once", 10_000, async () => {
      const target = `/app/crowd${++crowds}?cc=max-age=60&s=0.3`;
      const answers = await Promise.all(Array.from({ length: 40 }, () => get(address, target)));
      return answers.every((answer) => answer.body.toString() === "1 GET -\n");
    });
  });

  test("is asked again once a page was changed, whichever front was told", async () => {
    const target = "/app/edited?cc=max-age=600";
    const fetch = async () => show(await get(address, target));
    const many = () => Promise.all(Array.from({ length: 20 }, fetch));
    const version = (each: string) => Number(each.split(" ")[1]);
    const kept = await until("every front to keep it", 10_000, async () => {
      const seen = await many();
      return seen.every((each) => each.startsWith("HIT ")) ? Math.max(...seen.map(version)) : undefined;
    });
    await ask(address, `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`);
    await until("end of what was kept", 5000, async () => (await many()).every((each) => version(each) > kept));
  });

  test("its X-Accel-Expires counts, and goes to no client", async () => {
    const answers = await inTurn("/app/accel?accel=60&cc=no-cache", "/app/accel?accel=60&cc=no-cache");
    expect(answers.map(show)).toEqual(["MISS 1 GET -", "HIT 1 GET -"]);
    expect(answers.map((answer) => field(answer, "x-accel-expires"))).toEqual([undefined, undefined]);
  });

  test("parts of a page that is kept are given without it", async () => {
    const part = "GET /app/part?cc=max-age=60&size=100 HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n";
    const answers = await inTurn("/app/part?cc=max-age=60&size=100", part);
    expect(answers.map(({ status, body }) => [status, body.length])).toEqual([
      [200, 108],
      [206, 3],
    ]);
    expect([answers[1]?.body.toString(), answers[1] && field(answers[1], "content-range")]).toEqual([
      "GET",
      "bytes 2-4/108",
    ]);
  });

  test("a key of one's own decides what is the same", async () => {
    const answers = await inTurn("/key/named?cc=max-age=60&n=1", "/key/named?cc=max-age=60&n=2");
    expect(answers.map(show)).toEqual(["MISS 1 GET -", "HIT 1 GET -"]);
  });

  test("ttl speaks for pages without a word, and large ones are not kept", async () => {
    const answers = await inTurn("/ttl/a", "/ttl/a", "/ttl/b?size=100000", "/ttl/b?size=100000");
    expect(answers.map((answer) => field(answer, "x-cache"))).toEqual(["MISS", "HIT", "MISS", "BYPASS"]);
    expect(answers[3]?.body.length).toBe(100_008);
  });

  test("$upstream_cache_status is in the access log", async () => {
    await inTurn("/app/logged?cc=max-age=60", "/app/logged?cc=max-age=60", "/plain/logged");
    await until("lines in the log", 10_000, () => server.output.includes("/plain/logged -.\n"));
    // Lines of the other front may stand between them.
    expect(server.output.match(/^\/app\/logged .*$/gm)).toEqual(["/app/logged MISS.", "/app/logged HIT."]);
  });
});

describe("server cache purge", () => {
  /** Both fronts keep it. */
  const fill = (target: string) =>
    until(`${target} to be kept`, 10_000, async () => {
      const seen = await Promise.all(Array.from({ length: 20 }, async () => show(await get(address, target))));
      return seen.every((each) => each.startsWith("HIT "));
    });
  const purge = (url: string) => server.command("cache", "purge", url);

  test.each([
    ["a URL", "http://localhost/app/purged?cc=max-age=600", false],
    ["all that begins like one", "http://localhost/app/p*", false],
    ["all", "all", false],
    ["another URL", "http://localhost/app/purged", true],
  ])("%s: no front keeps it when the command has ended", async (_, url, isKept) => {
    await fill("/app/purged?cc=max-age=600");
    const { code, stdout, stderr } = await purge(url);
    expect([code, stderr]).toEqual([0, ""]);
    expect(/^\d+ kept repl(?:y|ies) forgotten\n$/.test(stdout)).toBe(true);
    expect(stdout.startsWith("0 ")).toBe(isKept);
    expect(show(await get(address, "/app/purged?cc=max-age=600")).startsWith("HIT ")).toBe(isKept);
  });

  test("what is no URL is refused, and nothing to purge is said", async () => {
    expect((await purge("/app/x")).code).toBe(2);
    expect((await server.command("cache")).code).toBe(2);
  });

  test("server status tells what is kept, and how the upstreams do", async () => {
    await fill("/app/counted?cc=max-age=600");
    const status = JSON.parse((await server.command("status", "--json")).stdout) as ServerStatus;
    const cache = status.caches.find(({ name }) => name.endsWith(" /app/"));
    expect(cache?.hits).toBeGreaterThanOrEqual(20);
    expect(cache?.entries).toBeGreaterThanOrEqual(1);
    expect(cache?.bytes).toBeGreaterThan(0);
    expect(status.upstreams.map(({ name }) => name)).toEqual(["u", "dead"]);
    expect(Object.keys(status.upstreams[0]?.servers[0]?.fronts ?? {})).toEqual(["ready"]);
  });
});

describe("the preset for Django", () => {
  const page = (cookie: string) => `GET /django/page?vary=Cookie HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`;

  test("keeps what anonymous visitors get, and nothing else", async () => {
    const answers = await inTurn(page("_ga=1"), page("_ga=2"), page("_ga=1; sessionid=abc"), page("csrftoken=x"));
    expect(answers.map(show)).toEqual([
      "MISS 1 GET -",
      "HIT 1 GET -",
      "BYPASS 2 GET _ga=1; sessionid=abc",
      "BYPASS 3 GET csrftoken=x",
    ]);
  });
});

describe("an upstream", () => {
  test("is asked whether what is kept is still good", async () => {
    const answers = await inTurn("/up/checked", "/up/checked");
    expect(answers.map(show)).toEqual(["MISS page", "REVALIDATED page"]);
    expect(asked.filter((each) => each.includes("checked"))).toEqual(["GET /up/checked -", 'GET /up/checked "v1"']);
  });

  test("can say it to this server alone", async () => {
    const answers = await inTurn("/up/accel", "/up/accel");
    expect(answers.map(show)).toEqual(["MISS page", "HIT page"]);
    expect(answers.map((answer) => field(answer, "cache-control"))).toEqual(["no-cache", "no-cache"]);
    expect(answers.map((answer) => field(answer, "x-accel-expires"))).toEqual([undefined, undefined]);
  });

  test("that breaks is stood in for by what it said before", async () => {
    const client = await Client.open(address);
    const next = async () => {
      client.send("GET /up/short HTTP/1.1\r\nHost: a\r\n\r\n");
      return show(await client.answer());
    };
    expect(await next()).toBe("MISS page");
    await Bun.sleep(1100);
    works = false;
    expect(await next()).toBe("STALE page");
    works = true;
    expect(await next()).toBe("REVALIDATED page");
    client.close();
  });

  test("a reply that is too large to be kept comes whole", async () => {
    const answers = await inTurn("/up/large-accel", "/up/large-accel");
    expect(answers.map((answer) => answer.body.length)).toEqual([4 * 1024 * 1024, 4 * 1024 * 1024]);
    expect(answers.map((answer) => field(answer, "x-cache"))).toEqual(["MISS", "BYPASS"]);
  });

  test("that is down is answered with the page for it", async () => {
    const answer = await get(address, "/dead/x");
    expect([answer.status, answer.body.toString()]).toEqual([502, "sorry"]);
  });
});
