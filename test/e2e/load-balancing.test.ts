/** Several servers behind us: shares by weight over all fronts, and servers that die, hang and come back under load. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import type { TrafficStatus } from "../../src/master/traffic-status.ts";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { Load } from "../support/load.ts";
import { nginxMissing, startNginx } from "../support/nginx.ts";
import type { Peer } from "../support/peer.ts";
import { descendants } from "../support/processes.ts";
import { testUnless } from "../support/skip.ts";
import { site } from "../support/toml.ts";
import { startUwsgi, uwsgiMissing } from "../support/uwsgi.ts";
import { until } from "../support/wait.ts";
import { type Answer, ask, type Address, Client, field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = nginxMissing();
const withNginx = testUnless(missing);
const withUwsgi = testUnless(missing ?? uwsgiMissing());
const folder = makeFolder("load-balancing");
const NAMES = ["a", "b", "c"] as const;
const ports: number[] = [];
const peers: (Peer | undefined)[] = [];
const uwsgiSocket = join(folder, "uwsgi.sock");
let server: Server;
let address: Address;

/** Answers in its time, and knows how many requests it had at once. */
const slow = { port: 0, underWay: 0, most: 0, stop: () => {} };

function startSlow(): void {
  const answer = async () => {
    slow.most = Math.max(slow.most, ++slow.underWay);
    await Bun.sleep(30);
    slow.underWay--;
    return new Response("slow");
  };
  const made = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  Object.assign(slow, { port: made.port, stop: () => void made.stop(true) });
}

/** Each says its name. */
function startPeer(index: number): Promise<Peer> {
  const name = NAMES[index] ?? "";
  writeFiles(folder, { [`${name}/x`]: "" });
  const reply = `location / { default_type text/plain; add_header X-Peer ${name}; return 200 "${name}"; }`;
  return startNginx({ folder: join(folder, name), port: ports[index] ?? 0, server: reply, workers: 1 });
}

beforeAll(async () => {
  if (missing !== undefined) return;
  for (let i = 0; i < NAMES.length; i++) ports.push(await freePort());
  for (let i = 0; i < NAMES.length; i++) peers.push(await startPeer(i));
  startSlow();
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const [a, b, c] = ports.map((each) => `127.0.0.1:${each}`);
  const toml = `
[server]
fronts = 2
access_log = "off"
[upstream.weighted]
servers = [{ address = "${a}", weight = 1 }, { address = "${b}", weight = 2 }, { address = "${c}", weight = 5 }]
[upstream.random]
balance = "random"
servers = [{ address = "${a}", weight = 1 }, { address = "${b}", weight = 3 }]
[upstream.pair]
servers = ["${a}", "${b}"]
read_timeout = "1500ms"
connect_timeout = "1500ms"
[upstream.sticky]
balance = "sticky"
servers = ["${a}", "${b}", "${c}"]
[upstream.hashed]
balance = "hash"
hash_key = "$arg_key"
servers = ["${a}", "${b}", "${c}"]
[upstream.checked]
servers = ["${a}", "${b}"]
health = { path = "/", interval = "200ms", timeout = "5s", rise = 1, fall = 1 }
[upstream.named]
servers = "localhost:${ports[0]}"
[upstream.bounded]
servers = [{ address = "127.0.0.1:${slow.port}", max_conns = 2 }]
wait = "30s"
[upstream.pinged]
protocol = "uwsgi"
servers = "unix:${uwsgiSocket}"
health = { interval = "200ms", rise = 1, fall = 1 }
`;
  const routes = ["weighted", "random", "pair", "sticky", "hashed", "checked", "named", "pinged", "bounded"];
  const lines = routes.map((name) => `"/${name}" = { upstream = "${name}" }`);
  server = await startServer(toml + site(`127.0.0.1:${port}`, lines.join("\n")), { folder });
});
afterAll(async () => {
  slow.stop();
  for (const peer of peers) await peer?.stop();
  if (missing === undefined) await server.dispose();
  removeFolder(folder);
});

const request = (path: string) => () => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;
const said = (answer: Answer) => answer.body.toString();

/** `count` requests over some connections: who answered how often. */
async function shares(path: string, count: number, connections = 8): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  const run = async () => {
    const client = await Client.open(address);
    for (let i = 0; i < count / connections; i++) {
      client.send(request(path)());
      const name = said(await client.answer());
      seen[name] = (seen[name] ?? 0) + 1;
    }
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, run));
  return seen;
}

describe("shares", () => {
  withNginx("of 10,000 requests over two fronts are the weights within 2 %", async () => {
    const seen = await shares("/weighted", 10_000);
    for (const [name, share] of [
      ["a", 1 / 8],
      ["b", 2 / 8],
      ["c", 5 / 8],
    ] as const) {
      expect(Math.abs((seen[name] ?? 0) / 10_000 - share)).toBeLessThan(0.02);
    }
  });

  withNginx("by lot are the weights within 2 % while one request is under way at a time", async () => {
    // With more at a time the numbers under way decide, as they do for least_conn: 5 % off with eight.
    const seen = await shares("/random", 10_000, 1);
    expect(Math.abs((seen["a"] ?? 0) / 10_000 - 1 / 4)).toBeLessThan(0.02);
  });

  withNginx("of one key are one server's, of many keys everybody's, in every front", async () => {
    for (const key of ["x", "y", "z"]) expect(Object.keys(await shares(`/hashed?key=${key}`, 64))).toHaveLength(1);
    const all = new Set<string>();
    for (let key = 0; key < 40; key++) all.add(said(await get(address, `/hashed?key=${key}`)));
    expect(all).toEqual(new Set(NAMES));
  });

  withNginx("a sticky cookie leads back to its server, and only who has none is given one", async () => {
    const first = await get(address, "/sticky");
    const cookie = field(first, "set-cookie") ?? "";
    expect(cookie).toMatch(/^route=[0-9a-f]{8}; Path=\/; HttpOnly; SameSite=Lax$/);
    for (let i = 0; i < 12; i++) {
      const sent = `GET /sticky HTTP/1.1\r\nHost: a\r\nCookie: ${cookie.split(";")[0]}\r\nConnection: close\r\n\r\n`;
      const again = await ask(address, sent);
      expect([said(again), field(again, "set-cookie")]).toEqual([said(first), undefined]);
    }
  });

  withNginx("a name is resolved, and its addresses are used", async () => {
    expect(said(await get(address, "/named"))).toBe("a");
    await server.logged(/upstream named: its servers are .*127\.0\.0\.1:\d+/);
  });
});

/** Everything is answered 200, and something is. */
async function expectNoErrors(running: Load): Promise<void> {
  await until("replies", 10_000, () => running.counts.replies > 50);
  const { failures, statuses } = await running.stop();
  expect(failures).toEqual([]);
  expect(Object.keys(statuses)).toEqual(["200"]);
}

const load = (path: string) => new Load({ address, connections: 8, request: request(path) });

/** The processes of a peer: nginx's master and its worker. */
const processesOf = (peer: Peer) => [peer.pid, ...descendants(peer.pid).map(({ pid }) => pid)];

describe("under load, with two servers, no client sees an error", () => {
  withNginx("when one is killed and comes back", async () => {
    const running = load("/pair");
    await Bun.sleep(300);
    const victim = peers[1] as Peer;
    for (const pid of processesOf(victim)) process.kill(pid, "SIGKILL");
    await victim.stop();
    await Bun.sleep(700);
    peers[1] = await startPeer(1);
    await Bun.sleep(300);
    await expectNoErrors(running);
  });

  withNginx("when one is stopped, so that it takes connections and answers none", async () => {
    const running = load("/pair");
    await Bun.sleep(200);
    const pids = processesOf(peers[0] as Peer);
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    try {
      await Bun.sleep(5000);
    } finally {
      for (const pid of pids) process.kill(pid, "SIGCONT");
    }
    await Bun.sleep(200);
    await expectNoErrors(running);
  });

  withNginx("when one is restarted gently", async () => {
    const running = load("/pair");
    await Bun.sleep(200);
    await peers[1]?.stop();
    peers[1] = await startPeer(1);
    await Bun.sleep(300);
    await expectNoErrors(running);
  });
});

/** Both fronts find it so, each for itself. Not by their lines in the log, which are few when much happens. */
async function everyFront(upstream: string, address: string, state: "ready" | "out"): Promise<void> {
  await until(`${state} ${address} in both fronts`, 10_000, async () => {
    const { upstreams } = JSON.parse((await server.command("status", "--json")).stdout) as TrafficStatus;
    const servers = upstreams.find(({ name }) => name === upstream)?.servers;
    return servers?.find((each) => each.address === address)?.fronts[state] === 2;
  });
}

describe("health checks", () => {
  withNginx("take a dead server out before a request has met it, and in again", async () => {
    const checked = `127.0.0.1:${ports[1]}`;
    await peers[1]?.stop();
    await everyFront("checked", checked, "out");
    const dead = server.log.length;
    expect(Object.keys(await shares("/checked", 40))).toEqual(["a"]);
    expect(server.log.slice(dead)).not.toContain("connect to");
    peers[1] = await startPeer(1);
    await everyFront("checked", checked, "ready");
    expect(Object.keys(await shares("/checked", 40)).toSorted()).toEqual(["a", "b"]);
  });

  withUwsgi("ping a real uWSGI", async () => {
    await everyFront("pinged", `unix:${uwsgiSocket}`, "out");
    await server.logged(`upstream pinged, server unix:${uwsgiSocket}: taken out by its health checks`);
    expect((await get(address, "/pinged")).status).toBe(503);
    const uwsgi = await startUwsgi({ address: { path: uwsgiSocket }, module: "hello", folder });
    await everyFront("pinged", `unix:${uwsgiSocket}`, "ready");
    expect((await get(address, "/pinged")).status).toBe(200);
    await uwsgi.stop();
  });
});

describe("a server that takes two requests at a time", () => {
  withNginx("gets no more of both fronts together, and nobody is turned away", async () => {
    const asked = Array.from({ length: 16 }, async () => {
      const answers: number[] = [];
      for (let i = 0; i < 4; i++) answers.push((await get(address, "/bounded")).status);
      return answers;
    });
    expect((await Promise.all(asked)).flat().every((status) => status === 200)).toBe(true);
    // Both may begin one in the same moment.
    expect(slow.most).toBeWithin(2, 4);
  });
});
