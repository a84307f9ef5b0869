import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { ControlClient, controlSocket } from "../support/control.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { probeApp, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const TOKEN = "a-token-of-some-length";

let folder = "";
let port = 0;
let privatePort = 0;
let server: Server;

const toml = (more = "") =>
  `[server]\nfronts = 2\naccess_log = "off"\n${probeApp()}${site(`127.0.0.1:${port}`, '"/app" = { app = "probe" }\n"/x" = { respond = "x" }')}\n[metrics]\nlisten = "127.0.0.1:${privatePort}"\n${more}`;

beforeAll(async () => {
  folder = makeFolder("metrics");
  [port, privatePort] = [await freePort(), await freePort()];
  server = await startServer(toml(), { folder });
});

afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${privatePort}${path}`, { headers });

async function metric(name: string): Promise<number> {
  const text = await (await ask("/metrics")).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? NaN);
}

async function get(path: string): Promise<void> {
  await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

const JUDGE = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
for f in families:
    if f.type != "histogram": continue
    for s in f.samples:
        assert s.name.startswith(f.name), s
print(json.dumps({f.name: [f.type, len(f.samples), bool(f.documentation)] for f in families}))
`;

function parserMissing(): string | undefined {
  const found = Bun.spawnSync(["/usr/bin/python3", "-c", "import prometheus_client"]);
  return found.exitCode === 0 ? undefined : "python3-prometheus-client is not installed";
}

describe("/metrics", () => {
  test("counts every request of every front, once", async () => {
    const before = await metric('server_requests_total{site="default",route="/x",status="2xx"}');
    for (let i = 0; i < 50; i++) await get("/x");
    await get("/nowhere");
    const name = 'server_requests_total{site="default",route="/x",status="2xx"}';
    // Clients have their replies a moment before these are counted.
    const reaches = (each: string, value: number) =>
      until(`${each} ${value}`, 10_000, async () => (await metric(each)) === value);
    await reaches(name, (before || 0) + 50);
    await reaches('server_request_duration_seconds_count{site="default",route="/x"}', (before || 0) + 50);
    await reaches('server_requests_total{site="default",route="",status="4xx"}', 1);
    expect(await metric('server_app_workers{app="probe",state="ready"}')).toBe(1);
  });

  testUnless(parserMissing())("is what Prometheus' own parser takes", async () => {
    await get("/app");
    const text = await (await ask("/metrics")).text();
    const judged = Bun.spawnSync(["/usr/bin/python3", "-c", JUDGE], { stdin: Buffer.from(text) });
    expect(judged.stderr.toString()).toBe("");
    const families = JSON.parse(judged.stdout.toString()) as Record<string, [string, number, boolean]>;
    expect(families["server_requests"]?.[0]).toBe("counter");
    expect(families["server_request_duration_seconds"]?.[0]).toBe("histogram");
    expect(families["server_app_python_seconds"]?.[1]).toBe(1);
    expect(Object.values(families).every(([, , isDocumented]) => isDocumented)).toBe(true);
  });

  test("counts survive a front that dies", async () => {
    const name = 'server_requests_total{site="default",route="/x",status="2xx"}';
    const before = ((await metric(name)) || 0) + 1;
    await get("/x");
    await until("its number", 10_000, async () => (await metric(name)) === before);
    for (const front of [0, 1]) {
      const control = new ControlClient(controlSocket(folder));
      control.send(`{"command":"fault","front":${front}}\n`);
      expect(await control.line(1)).toMatchObject({ result: { front } });
      control.close();
      await until(
        "its successor",
        10_000,
        async () => (await metric(`server_front_replaced_total{front="${front}"}`)) === 1,
      );
    }
    for (const front of [0, 1])
      await until("both", 10_000, async () => (await metric(`server_front_accepting{front="${front}"}`)) === 1);
    expect(await metric(name)).toBe(before);
    await get("/x");
    await until("one more", 10_000, async () => (await metric(name)) === before + 1);
  });
});

describe("the status page", () => {
  test("is one page without anything from elsewhere, and its numbers are JSON", async () => {
    const page = await ask("/");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).not.toMatch(/(?:src|href)="(?:https?:|\/)/);
    const status = (await (await ask("/status.json?after=0")).json()) as { lines: { text: string }[]; status: object };
    expect(status.status).toMatchObject({ state: "serving" });
    expect(status.lines.some(({ text }) => text.includes("serving"))).toBe(true);
  });

  test("answers nobody who was led here by another name", async () => {
    expect((await ask("/status.json", { Host: "rebound.example" })).status).toBe(421);
    expect((await ask("/", { Host: `localhost:${privatePort}` })).status).toBe(200);
    expect((await ask("/nothing")).status).toBe(404);
    const posted = await fetch(`http://127.0.0.1:${privatePort}/`, { method: "POST", body: "x" });
    expect(posted.status).toBe(405);
  });

  test("a reload brings a token, which is then required, and another place", async () => {
    writeFileSync(join(folder, "server.toml"), toml(`token = "${TOKEN}"\n`));
    expect(await server.command("reload")).toMatchObject({ code: 0 });
    const refused = await ask("/metrics");
    expect([refused.status, refused.statusText]).toEqual([401, "Unauthorized"]);
    expect((await ask("/metrics", { Authorization: `Bearer ${TOKEN}x` })).status).toBe(401);
    expect((await ask("/metrics", { Authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    const basic = Buffer.from(`anyone:${TOKEN}`).toString("base64");
    expect((await ask("/", { Authorization: `Basic ${basic}`, Host: "status.example" })).status).toBe(200);
    writeFileSync(
      join(folder, "server.toml"),
      toml().replace(/listen = "127\.0\.0\.1:\d+"\n$/, 'listen = "unix:metrics.sock"\n'),
    );
    expect(await server.command("reload")).toMatchObject({ code: 0 });
    const socket = join(folder, "metrics.sock");
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect((await fetch("http://any.name/metrics", { unix: socket })).status).toBe(200);
    await expect(ask("/metrics")).rejects.toThrow();
  });
});
