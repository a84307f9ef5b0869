/** One fetch for all fronts: what one has fetched others give, by the built server with three fronts, against an upstream that counts. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { ControlClient, controlSocket } from "../support/control.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { type Address, type Answer, ask, Client, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const FRONTS = 3;
let server: Server;
let address: Address;
let upstreamPort = 0;
/** Targets that the upstream was asked for, conditions included, in order. */
let asked: string[] = [];
/** What holds replies to /held back. */
let held: (() => void)[] = [];
/** Counts up with each reply. */
let version = 0;

const CONTROL: Record<string, string> = {
  fresh: "max-age=600",
  held: "max-age=600",
  slow: "max-age=600",
  stale: "max-age=1, stale-while-revalidate=60",
  private: "private",
  checked: "no-cache",
};

const upstream = createServer((request, response) => {
  const url = request.url ?? "";
  asked.push(`${request.method} ${url}${request.headers["if-none-match"] === undefined ? "" : " if"}`);
  const kind = url.split("/")[1] ?? "";
  const language = request.headers["accept-language"];
  const answer = () => {
    if (request.headers["if-none-match"] === '"v"') return void response.writeHead(304, { ETag: '"v"' }).end();
    response.setHeader("Cache-Control", CONTROL[kind] ?? "no-store");
    if (kind === "checked") response.setHeader("ETag", '"v"');
    if (url.includes("vary")) response.setHeader("Vary", "Accept-Language");
    response.end(url.includes("large") ? Buffer.alloc(700_000, "x") : `${++version} ${language ?? "-"}`);
  };
  if (kind === "held") held.push(answer);
  else if (kind === "slow" || kind === "private" || kind === "checked") setTimeout(answer, 300);
  else answer();
});

const toml = (route: string) =>
  `[server]\nfronts = ${FRONTS}\naccess_log = "off"\n[upstream.u]\nservers = "127.0.0.1:${upstreamPort}"\n` +
  site(`127.0.0.1:${"port" in address ? address.port : 0}`, `"/" = { upstream = "u", ${route} }`);

const start = (route = "cache = { x_cache = true }") => startServer(toml(route));

beforeAll(async () => {
  upstreamPort = await freePort();
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.listen(upstreamPort, "127.0.0.1", resolve);
  await promise;
  address = { host: "127.0.0.1", port: await freePort() };
});

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

beforeEach(() => {
  asked = [];
  held = [];
});

const status = (answer: Answer) => field(answer, "x-cache") ?? "-";
/** Each on a connection of its own: of three fronts each gets some. */
const together = (count: number, target: string) =>
  Promise.all(Array.from({ length: count }, () => get(address, target)));
const count = (all: readonly string[], one: string) => all.filter((each) => each === one).length;
const request = (target: string, more = "", method = "GET") =>
  `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`;

async function timed<T>(what: () => Promise<T>): Promise<[ms: number, result: T]> {
  const begun = performance.now();
  const result = await what();
  return [performance.now() - begun, result];
}

async function allAccept(): Promise<boolean> {
  const { stdout } = await server.command("status", "--json");
  const { fronts } = JSON.parse(stdout) as { fronts: { state: string }[] };
  return fronts.every(({ state }) => state === "accepting");
}

async function fault(front: number, hangs = false): Promise<void> {
  const control = new ControlClient(controlSocket(server.folder));
  control.send(`${JSON.stringify({ command: "fault", front, hangs })}\n`);
  await control.line(1);
  control.close();
}

describe("three fronts", () => {
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.dispose());

  test("the second request for a page is a HIT, whichever front it meets", async () => {
    for (let page = 0; page < 6; page++) {
      const seen: string[] = [];
      for (let nth = 0; nth < 20; nth++) seen.push(status(await get(address, `/fresh/${page}`)));
      expect(seen).toEqual(["MISS", ...Array<string>(19).fill("HIT")]);
    }
    expect(asked).toEqual([0, 1, 2, 3, 4, 5].map((page) => `GET /fresh/${page}`));
  });

  test("a crowd that comes at once has a slow page fetched once", async () => {
    for (const page of ["a", "b", "c"]) {
      const answers = await together(60, `/slow/${page}`);
      expect(count(asked, `GET /slow/${page}`)).toBe(1);
      expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(1);
      const seen = answers.map(status);
      expect([count(seen, "MISS"), count(seen, "HIT")]).toEqual([1, 59]);
    }
  });

  test("a large page comes whole to all of them, HEAD and parts as well", async () => {
    const answers = await together(20, "/fresh/large");
    expect(asked).toEqual(["GET /fresh/large"]);
    for (const { body } of answers) expect(body.equals(Buffer.alloc(700_000, "x"))).toBe(true);
    await get(address, "/fresh/looked-at");
    // A front that does not answer the others within a quarter of a second, on a busy machine, is not asked for a while.
    await until("HIT for each HEAD and each part, whichever front it meets", 20_000, async () => {
      const seen: unknown[] = [];
      for (let nth = 0; nth < 12; nth++) {
        seen.push(status(await ask(address, request("/fresh/looked-at", "", "HEAD"), "HEAD")));
        const part = await ask(address, request("/fresh/looked-at", "Range: bytes=0-0\r\n"));
        expect(part.status).toBe(206);
        seen.push(status(part));
      }
      return seen.every((each) => each === "HIT");
    });
    expect(count(asked, "GET /fresh/large")).toBe(1);
  });

  test("variants are told apart", async () => {
    const inLanguage = (language: string) => ask(address, request("/fresh/vary", `Accept-Language: ${language}\r\n`));
    for (let nth = 0; nth < 12; nth++) {
      for (const language of ["de", "en"])
        expect((await inLanguage(language)).body.toString().split(" ")[1]).toBe(language);
    }
    expect(asked.length).toBe(2);
  });

  test("what is stale is renewed once, and nobody waits for that", async () => {
    for (const page of ["a", "b", "c"]) await together(20, `/stale/${page}`);
    expect(asked.length).toBe(3);
    await Bun.sleep(1100);
    const answers = await together(60, "/stale/a");
    expect(answers.map(status).every((each) => each === "STALE" || each === "HIT")).toBe(true);
    expect(count(answers.map(status), "STALE")).toBeGreaterThan(0);
    await until("everybody to have it", 2000, async () =>
      (await together(12, "/stale/a")).every((each) => status(each) === "HIT"),
    );
    expect(count(asked, "GET /stale/a")).toBe(2);
  });

  test("pages that may not be kept do not wait for each other", async () => {
    // The first one has to be seen before that is known.
    const [first] = await timed(() => together(40, "/private/a"));
    const [second, answers] = await timed(() => together(40, "/private/a"));
    // One after the other they would take 12 s.
    expect([first < 4000, second < 3000]).toEqual([true, true]);
    expect(answers.map(status)).toEqual(Array<string>(40).fill("BYPASS"));
    expect(asked.length).toBe(80);
  });

  test("pages that are to be asked about each time do not wait in line", async () => {
    await together(12, "/checked/a");
    const [ms, answers] = await timed(() => together(12, "/checked/a"));
    expect(ms).toBeLessThan(2000);
    expect(answers.map(({ status: code }) => code)).toEqual(Array<number>(12).fill(200));
    expect(count(asked, "GET /checked/a if")).toBeGreaterThanOrEqual(1);
  });

  test("a client that leaves while others wait costs them nothing but another fetch", async () => {
    const first = await Client.open(address);
    first.send(request("/held/left"));
    await until("the first fetch", 5000, () => held.length === 1);
    const others = together(20, "/held/left");
    await Bun.sleep(300);
    first.close();
    // Somebody may wait at the same front: then that fetch goes on.
    await Bun.sleep(300);
    expect(held.length).toBeLessThanOrEqual(2);
    for (const answer of held) answer();
    expect(new Set((await others).map(({ body }) => body.toString())).size).toBe(1);
  });

  test("purge and POST: nobody gets what was kept before, not even by way of another front", async () => {
    for (let round = 0; round < 10; round++) {
      const target = `/fresh/changed${round}`;
      await together(12, target);
      const client = await Client.open(address);
      client.send(`POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`);
      expect((await client.answer()).status).toBe(200);
      const changed = version;
      client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      expect(Number((await client.answer()).body.toString().split(" ")[0])).toBeGreaterThan(changed);
      client.close();
    }
    await together(20, "/fresh/purged");
    const before = version;
    expect((await server.command("cache", "purge", "http://localhost/fresh/purged")).code).toBe(0);
    asked = [];
    const bodies = (await together(20, "/fresh/purged")).map(({ body }) => Number(body.toString().split(" ")[0]));
    expect(new Set(bodies)).toEqual(new Set([before + 1]));
    expect(asked).toEqual(["GET /fresh/purged"]);
  });

  test("a purge while it is fetched: what comes is not kept", async () => {
    const first = get(address, "/held/purged");
    await until("the fetch", 5000, () => held.length === 1);
    const others = together(20, "/held/purged");
    await Bun.sleep(200);
    expect((await server.command("cache", "purge", "all")).code).toBe(0);
    await until("the next fetch", 5000, () => held.length >= 2);
    held.shift()?.();
    const old = (await first).body.toString();
    await until("all fetches", 5000, async () => {
      for (const answer of held.splice(0)) answer();
      return Promise.race([others.then(() => true), Bun.sleep(50).then(() => false)]);
    });
    const later = together(12, "/held/purged");
    await Bun.sleep(100);
    for (const answer of held.splice(0)) answer();
    for (const answer of await later) expect(answer.body.toString()).not.toBe(old);
  });
});

describe("fronts that die, hang and change", () => {
  afterEach(() => server.dispose());

  test("a front is killed while it fetches for all: the others have it from the next fetch, soon", async () => {
    server = await start();
    for (let round = 0; ; round++) {
      const target = `/held/killed${round}`;
      const [first, ...others] = await Promise.all(Array.from({ length: 25 }, () => Client.open(address)));
      first?.send(request(target));
      await until("the fetch", 5000, () => held.length === 1);
      for (const client of others) client.send(request(target));
      await Bun.sleep(100);
      expect(held.length).toBe(1);
      await fault(round % FRONTS);
      const deaths = Math.floor(round / FRONTS) + 1;
      await until("its end", 5000, () => server.log.split(`front-${round % FRONTS} died`).length > deaths);
      await Bun.sleep(100);
      const wasHolder = first?.end !== "open";
      const left = others.filter(({ end }) => end === "open");
      // Where the home has died each of the others asks for itself.
      if (wasHolder) await until("the next fetch", 3000, () => held.length >= 2);
      expect(held.length).toBeLessThanOrEqual(wasHolder ? FRONTS : FRONTS - 1);
      for (const answer of held.splice(0)) answer();
      const [ms, answers] = await timed(() => Promise.all(left.map((client) => client.answer())));
      for (const client of others) client.close();
      first?.close();
      // Less than `wait`.
      expect(ms).toBeLessThan(3000);
      expect(answers.map(({ status: code }) => code)).toEqual(left.map(() => 200));
      if (wasHolder) break;
      await until("a successor", 10_000, allAccept);
    }
    // The successor is a home like the others.
    await until("a successor", 10_000, allAccept);
    for (let page = 0; page < 6; page++) await together(3, `/fresh/after${page}`);
    await Bun.sleep(1000);
    asked = [];
    for (let page = 0; page < 6; page++) await together(12, `/fresh/again${page}`);
    expect(asked.length).toBe(6);
  });

  test("a front that hangs holds nobody up: not longer than a moment", async () => {
    server = await start();
    const clients = await Promise.all(Array.from({ length: 24 }, () => Client.open(address)));
    await fault(1, true);
    const alive: Client[] = [];
    for (const client of clients) client.send("GET /private/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await Bun.sleep(2500);
    for (const client of clients) {
      if (client.waiting.length === 0) continue;
      await client.answer();
      alive.push(client);
    }
    expect(alive.length).toBeGreaterThan(4);
    expect(alive.length).toBeLessThan(24);
    for (let page = 0; page < 10; page++) {
      for (const client of alive) client.send(`GET /fresh/hung${page} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const [ms] = await timed(() => Promise.all(alive.map((client) => client.answer())));
      expect(ms).toBeLessThan(2000);
    }
    for (const client of clients) client.close();
    // It would wait for the one that hangs.
    await server.stop("SIGKILL");
  });

  test("a reload that leaves the cache as it is keeps it, another one begins anew, and both are shared", async () => {
    server = await start();
    await together(12, "/fresh/a");
    const reload = async (route: string) => {
      writeFileSync(join(server.folder, "server.toml"), toml(route));
      expect((await server.command("reload")).code).toBe(0);
    };
    await reload('cache = { x_cache = true }, headers = { set = { X-New = "1" } }');
    expect((await together(12, "/fresh/a")).map(status)).toEqual(Array<string>(12).fill("HIT"));
    await reload('cache = { x_cache = true, max_entry = "2MiB" }');
    const seen: string[] = [];
    for (let nth = 0; nth < 12; nth++) seen.push(status(await get(address, "/fresh/a")));
    expect(seen).toEqual(["MISS", ...Array<string>(11).fill("HIT")]);
    expect(asked.length).toBe(2);
  });

  test("what was on disk before a restart is given by all of them", async () => {
    const folder = makeFolder("shared-cache-e2e");
    mkdirSync(join(folder, "kept"));
    const started = () => startServer(toml('cache = { x_cache = true, disk = "kept" }'), { folder });
    server = await started();
    for (let page = 0; page < 4; page++) await get(address, `/fresh/kept${page}`);
    await server.dispose();
    server = await started();
    await Bun.sleep(500);
    for (let page = 0; page < 4; page++) {
      const seen = (await together(12, `/fresh/kept${page}`)).map(status);
      expect(seen).toEqual(Array<string>(12).fill("HIT"));
    }
    expect(asked.length).toBe(4);
    await server.dispose();
    removeFolder(folder);
  });
});
