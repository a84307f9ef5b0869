import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const folder = makeFolder("upstreams-config");
afterAll(() => removeFolder(folder));

function load(toml: string) {
  const file = join(folder, "server.toml");
  const site = `[[site]]\n[site.routes]\n"/x/" = { upstream = "u", strip_prefix = true }\n"/y/" = { upstream = "u", uri = "/z$uri" }\n`;
  writeFileSync(file, toml + site);
  const { config, problems } = loadConfig(file, {}, { cores: 1, ipv6: false });
  expect(problems).toEqual([]);
  return config;
}

test("every key of an http upstream reaches the configuration", () => {
  const config = load(`
[upstream.u]
servers = [{ address = "a.example:1", weight = 3, backup = true, max_conns = 4, max_fails = 5, fail_timeout = "6s", slow_start = "7s" },
           { address = "b:2", down = true }, "c:3"]
balance = "hash"
hash_key = "$cookie_id"
connect_timeout = "1s"
head_timeout = "2s"
read_timeout = "3s"
send_timeout = "4s"
keepalive = 5
keepalive_timeout = "6s"
keepalive_requests = 7
keepalive_age = "8s"
dns_ttl = "9s"
tries = 10
retry_timeout = "11s"
retry_on = ["timeout", 503]
retry_unsafe = true
upgrade = false
tunnel_timeout = "90m"
drain_timeout = "30m"
wait = "12s"
health = { path = "/up", interval = "13s", timeout = "14s", status = "2xx", rise = 15, fall = 16 }
request_buffering = false
buffering = false
reply_memory = "17KiB"
reply_file = "18KiB"
ignore_client_abort = true
host = "b.internal"
via = false
headers_up = { set = { X-A = "$host" }, remove = "X-B" }
headers_down = { add = { X-C = "$status" } }
rewrite_redirects = false
cookie_domains = { "b.internal" = "$host" }
cookie_paths = { "/b/" = "/" }
`);
  const [first, second, third] = config?.upstreams[0]?.servers ?? [];
  expect(first).toEqual({
    address: { kind: "tcp", host: "a.example", port: 1 },
    weight: 3,
    backup: true,
    down: false,
    connectionsMax: 4,
    failsMax: 5,
    failTimeoutMs: 6000,
    slowStartMs: 7000,
  });
  expect([second?.down, third?.weight, third?.failsMax]).toEqual([true, 1, 1]);
  expect(config?.upstreams[0]).toMatchObject({
    policy: "hash",
    hashKey: "$cookie_id",
    stickyCookie: undefined,
    connectTimeoutMs: 1000,
    headTimeoutMs: 2000,
    readTimeoutMs: 3000,
    sendTimeoutMs: 4000,
    keepalive: 5,
    keepaliveTimeoutMs: 6000,
    keepaliveRequests: 7,
    keepaliveAgeMs: 8000,
    nameTtlMs: 9000,
    triesMax: 10,
    retryTimeoutMs: 11_000,
    retryOn: ["timeout", 503],
    retryUnsafe: true,
    upgrade: false,
    tunnelTimeoutMs: 5_400_000,
    drainTimeoutMs: 1_800_000,
    waitMs: 12_000,
    health: { path: "/up", intervalMs: 13_000, timeoutMs: 14_000, statusMin: 200, statusMax: 299, rise: 15, fall: 16 },
    requestBuffering: false,
    replyBuffering: false,
    replyMemoryBytes: 17 * 1024,
    replyFileBytes: 18 * 1024,
    ignoreClientAbort: true,
    host: "b.internal",
    via: false,
    headersUp: [
      { kind: "remove", name: "X-B" },
      { kind: "set", name: "X-A", value: "$host" },
    ],
    headersDown: [{ kind: "add", name: "X-C", value: "$status" }],
    rewriteRedirects: false,
    cookieDomains: [{ name: "b.internal", value: "$host" }],
    cookiePaths: [{ name: "/b/", value: "/" }],
  });
  expect(config?.sites[0]?.routes.map(({ target }) => target)).toEqual([
    { kind: "upstream", upstream: "u", stripPrefix: true, uri: undefined },
    { kind: "upstream", upstream: "u", stripPrefix: false, uri: "/z$uri" },
  ]);
});

test("a sticky cookie has a name, and a uwsgi upstream its variables and modifiers", () => {
  const sticky = load(`[upstream.u]\nservers = "a:1"\nbalance = "sticky"\n`);
  expect(sticky?.upstreams[0]).toMatchObject({ policy: "sticky", stickyCookie: "route" });
  const toml = `[upstream.u]\nprotocol = "uwsgi"\nservers = "a:1"\nparams = { A = "$host" }\nmodifier1 = 5\nmodifier2 = 6\n`;
  const site = `[[site]]\n[site.routes]\n"/" = { upstream = "u" }\n`;
  writeFileSync(join(folder, "uwsgi.toml"), toml + site);
  const { config } = loadConfig(join(folder, "uwsgi.toml"), {}, { cores: 1, ipv6: false });
  expect(config?.upstreams[0]).toMatchObject({ params: [{ name: "A", value: "$host" }], modifier1: 5, modifier2: 6 });
});
