/**
 * What authorities and machines do to those who order certificates: the built server against an authority in memory that limits,
 * fails, forgets and signs for seconds only. What takes days is in test/certificates/issue-job.test.ts, with a clock of its own.
 */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { FakeAuthority, type FakeAuthorityOptions } from "../support/acme.ts";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const test = testUnless(curlMissing() ?? opensslMissing());
const WAIT_MS = 30_000;

let folder = "";
let [secure, plain] = [0, 0];
let ends: (() => unknown)[] = [];

beforeEach(async () => {
  folder = makeFolder("acme-faults");
  [secure, plain] = [await freePort(), await freePort()];
  if (opensslMissing() === undefined) new Authority(folder).make("own", { names: "DNS:localhost" });
});
afterEach(async () => {
  for (const end of ends.toReversed()) await end();
  ends = [];
  removeFolder(folder);
});

/** Looks at port `plain` for proof. */
async function authority(options: Partial<FakeAuthorityOptions> = {}): Promise<FakeAuthority> {
  const port = await freePort();
  const validate = async (_: string, name: string, token: string) => {
    const at = `http://127.0.0.1:${plain}/.well-known/acme-challenge/${token}`;
    const seen = await fetch(at, { headers: { Host: name }, redirect: "manual" }).then((answer) => answer.text());
    return seen.startsWith(`${token}.`) ? undefined : `${name}: ${seen.slice(0, 40)}`;
  };
  const fake = new FakeAuthority({ url: `https://localhost:${port}`, validate, kinds: ["http-01"], ...options });
  const tls = { cert: Bun.file(join(folder, "own.pem")), key: Bun.file(join(folder, "own.key")) };
  const served = Bun.serve({ port, hostname: "127.0.0.1", tls, fetch: (request) => fake.handle(request) });
  ends.push(() => served.stop(true));
  writeFiles(folder, { "root.pem": fake.root });
  return fake;
}

function toml(acme: string, ports = [secure, plain]): string {
  return `
[server]
fronts = 2
state_directory = "${folder}/state"
[acme]
ca = "${folder}/ca.pem"
${acme}
[[site]]
names = ["a.test"]
listen = [{ address = "127.0.0.1:${ports[0]}", tls = true }, "127.0.0.1:${ports[1]}"]
tls = "auto"
[site.routes]
"/" = { respond = "$scheme" }
`;
}

async function serve(text: string, at = folder): Promise<Server> {
  const server = await startServer(text, { folder: at });
  ends.push(() => server.dispose());
  return server;
}

async function ask(how: readonly string[], port = secure): Promise<string> {
  const { stdout, code, stderr } = await curl(
    ...how,
    "--resolve",
    `a.test:${port}:127.0.0.1`,
    `https://a.test:${port}/`,
  );
  return code === 0 ? stdout : `curl ${code} ${stderr}`;
}

const verified = () => ask(["--cacert", join(folder, "root.pem")]);
/** Fronts hear of a certificate a moment after the order has gone well. */
const shown = () => until("its certificate", WAIT_MS, async () => (await verified()) === "https");
const status = async (server: Server) => (await server.command("status")).stdout;
const one = (fake: FakeAuthority) => `directory = "${fake.directory}"`;

describe("an order that fails leaves the site served, says why, and the next one makes it good", () => {
  test("when the authority limits us: the second one is asked", async () => {
    const [first, second] = [await authority(), await authority()];
    first.misbehaviour.limitedForS = 86_400;
    const server = await serve(toml(`${one(first)}\nfallback = { ${one(second)}, ca = "${folder}/ca.pem" }`));
    await server.logged(
      /a\.test: no certificate could be had: rateLimited: too many certificates; tried again in \d min/,
    );
    expect(await ask(["-k"])).toBe("https");
    expect((await server.command("cert", "renew")).code).toBe(0);
    expect([first.orders.length, second.orders.length]).toEqual([0, 1]);
    await shown();
  });

  test("when it limits us and is the only one: nobody comes before it said", async () => {
    const only = await authority();
    only.misbehaviour.limitedForS = 86_400;
    const numbers = await freePort();
    const server = await serve(`${toml(one(only))}\n[metrics]\nlisten = "127.0.0.1:${numbers}"\n`);
    await server.logged(/rateLimited: too many certificates; tried again in 1440 min/);
    expect(await status(server)).toMatch(/certificate a\.test: .* from temporary, next order in (1d|23h59m)/);
    const metrics = await fetch(`http://127.0.0.1:${numbers}/metrics`).then((answer) => answer.text());
    expect(metrics).toContain('server_certificate_temporary{site="a.test"} 1\n');
    expect(metrics).toContain('server_certificate_failed_orders{site="a.test"} 1\n');
    expect(metrics).toMatch(/server_certificate_expiry_timestamp_seconds\{site="a\.test"\} \d{10}/);
  });

  test("when the order becomes invalid, and when the account is forgotten", async () => {
    const only = await authority();
    only.misbehaviour.invalid = true;
    const server = await serve(toml(one(only)));
    await server.logged(/a\.test: no certificate could be had: caa: lookup failed; tried again in \d min/);
    expect(await status(server)).toContain("  no certificate could be had: caa: lookup failed; tried again in");
    only.misbehaviour.invalid = false;
    only.forgetAccounts();
    expect((await server.command("cert", "renew")).stdout).toEndWith("ok   a.test: the order went well\n");
    await server.logged("does not know the account any more; another is made");
    await shown();
    expect(await status(server)).toMatch(/certificate a\.test: valid for .*, from auto, renewal in/);
  });

  test("when another authority is wanted than the one that signed", async () => {
    const [staging, real] = [await authority(), await authority()];
    const server = await serve(toml(one(staging)));
    await server.logged("a.test: shows a new certificate");
    writeFiles(folder, { "server.toml": toml(one(real)) });
    expect((await server.command("reload")).code).toBe(0);
    await until("its certificate", WAIT_MS, async () => (await verified()) === "https");
    expect([staging.orders.length, real.orders.length]).toEqual([1, 1]);
  });

  test("when it is away at the start", async () => {
    const only = await authority();
    const away = await freePort();
    const server = await serve(toml(`directory = "https://localhost:${away}/dir"`));
    await server.logged(/cannot be reached: .*; tried again in \d min/);
    writeFiles(folder, { "server.toml": toml(one(only)) });
    expect((await server.command("reload")).code).toBe(0);
    expect((await server.command("cert", "renew")).code).toBe(0);
    await shown();
  });
});

describe("certificates that last for seconds", () => {
  test("are renewed again and again under load, with no request lost", async () => {
    const fake = await authority({ lifetimeMs: 15_000 });
    const server = await serve(toml(one(fake)));
    await until("first certificate", WAIT_MS, async () => (await verified()) === "https");
    const failures: string[] = [];
    let asked = 0;
    let isOver = false;
    // Connections that stay, through all certificates.
    const root = await Bun.file(join(folder, "root.pem")).text();
    const kept = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const answer = await fetch(`https://127.0.0.1:${secure}/`, {
          headers: { Host: "a.test" },
          tls: { ca: root, serverName: "a.test", checkServerIdentity: () => undefined },
        }).then((response) => response.text(), String);
        asked++;
        if (answer !== "https") failures.push(answer);
      }
    });
    const fresh = Array.from({ length: 3 }, async () => {
      while (!isOver) {
        const answer = await verified();
        asked++;
        if (answer !== "https") failures.push(answer);
      }
    });
    for (let i = 0; i < 2; i++) expect((await server.command("cert", "renew")).code).toBe(0);
    await until("renewal by itself", WAIT_MS, () => fake.orders.length >= 4);
    await until("what it brings", WAIT_MS, () => server.log.split("shows a new certificate").length > 4);
    isOver = true;
    await Promise.all([...kept, ...fresh]);
    expect(failures).toEqual([]);
    expect(asked).toBeGreaterThan(100);
    expect(server.log).not.toContain("certificate could be had");
  });

  test("go on when the authority is away at their renewal, and it is said", async () => {
    const fake = await authority({ lifetimeMs: 15_000 });
    const server = await serve(toml(one(fake)));
    await until("first certificate", WAIT_MS, async () => (await verified()) === "https");
    fake.misbehaviour.limitedForS = 1;
    await server.logged(/(warn|error).* a\.test: no new certificate could be had: rateLimited/, WAIT_MS);
    expect(await verified()).toBe("https");
    expect(await status(server)).toMatch(
      /certificate a\.test: valid for .*, from auto.*\n {2}no new certificate could be had/,
    );
  });
});

test("profiles, addresses and renewal windows are spoken of with an authority that has them", async () => {
  const fake = await authority({ profiles: { shortlived: "six days" } });
  const start = Date.now() + 20 * 86_400_000;
  fake.window = { start: new Date(start).toISOString(), end: new Date(start + 3_600_000).toISOString() };
  const server = await serve(toml(`${one(fake)}\nprofile = "shortlived"`));
  await until("certificate", WAIT_MS, async () => (await verified()) === "https");
  expect(fake.orders).toEqual([{ identifiers: [{ type: "dns", value: "a.test" }], profile: "shortlived" }]);
  await until("question about its window", WAIT_MS, () => fake.windowsAsked.length > 0);
  const [shown] = JSON.parse((await server.command("status", "--json")).stdout).certificates;
  expect(shown.nextAt).toBeWithin(start - 1000, start + 3_601_000);
  await server.command("cert", "renew");
  expect(fake.orders.at(-1)?.["replaces"]).toBe(fake.windowsAsked[0]);
});

describe("the state folder", () => {
  test("that cannot be written is said, and the site is served", async () => {
    const fake = await authority();
    writeFiles(folder, { state: "no folder" });
    const server = await serve(toml(one(fake)));
    await server.logged(/state cannot be used: .*; no certificates are ordered here/);
    expect(await ask(["-k"])).toBe("https");
    expect(await status(server)).toMatch(/certificate a\.test: .* from temporary\n(.*\n)* {2}.*state cannot be used/);
    expect(fake.orders).toEqual([]);
    expect((await server.command("cert", "renew")).code).toBe(1);
  });

  test("of two servers is one's: one orders, both show, and what there is survives", async () => {
    const fake = await authority();
    const first = await serve(toml(one(fake)));
    await until("certificate", WAIT_MS, async () => (await verified()) === "https");
    const [otherSecure, otherPlain] = [await freePort(), await freePort()];
    const another = makeFolder("acme-faults");
    ends.push(() => removeFolder(another));
    const second = await serve(toml(one(fake), [otherSecure, otherPlain]), another);
    await second.logged(new RegExp(`the server with pid ${first.pid} has .*state, and orders for both`));
    expect(await ask(["--cacert", join(folder, "root.pem")], otherSecure)).toBe("https");
    expect(fake.orders).toHaveLength(1);
    expect((await second.command("cert", "renew")).stdout).toContain("orders for both");
    expect(fake.orders).toHaveLength(1);
  });
});
