/** Certificates that come by themselves: the built server against Let's Encrypt's test authority. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { opensslMissing } from "../support/certificates.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { type Pebble, pebbleMissing, type PebbleOptions, startPebble } from "../support/pebble.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const test = testUnless(curlMissing() ?? opensslMissing() ?? pebbleMissing());
const NAMES = ["www.a.test", "a.test"];
const ISSUED_MS = 40_000;

let folder = "";
let secure = 0;
let plain = 0;
let servers: Server[] = [];
let authorities: Pebble[] = [];

beforeEach(async () => {
  folder = makeFolder("acme");
  [secure, plain] = [await freePort(), await freePort()];
});

afterEach(async () => {
  for (const server of servers) await server.dispose();
  for (const authority of authorities) await authority.stop();
  [servers, authorities] = [[], []];
  removeFolder(folder);
});

async function pebble(more: Partial<PebbleOptions> = {}): Promise<Pebble> {
  const started = await startPebble({ httpPort: plain, tlsPort: secure, ...more });
  authorities.push(started);
  return started;
}

function toml(authority: Pick<Pebble, "directory" | "ca">, acme = "", names = NAMES): string {
  return `
[server]
fronts = 2
state_directory = "state"
[acme]
directory = "${authority.directory}"
ca = "${authority.ca}"
${acme}
[[site]]
names = ${JSON.stringify(names)}
listen = [{ address = "127.0.0.1:${secure}", tls = true }, "127.0.0.1:${plain}"]
tls = "auto"
[site.routes]
"/" = { respond = "$scheme" }
`;
}

async function serve(text: string): Promise<Server> {
  const server = await startServer(text, { folder });
  servers.push(server);
  return server;
}

async function ask(ca: string, name = "a.test"): Promise<string> {
  const { stdout, code } = await curl(
    "--cacert",
    ca,
    "--resolve",
    `${name}:${secure}:127.0.0.1`,
    `https://${name}:${secure}/`,
  );
  return code === 0 ? stdout : `curl ${code}`;
}

/** The `nth` that is shown. An order that failed is not tried again in this time: why is the better message. */
const issued = (server: Server, nth = 1) =>
  until("certificate", ISSUED_MS, () => {
    const [why] = /no (?:new )?certificate could be had.*/.exec(server.log) ?? [];
    if (why !== undefined) throw new Error(why);
    return server.log.split("shows a new certificate").length > nth;
  });

describe("a site without a certificate gets one", () => {
  for (const kind of ["http-01", "tls-alpn-01"]) {
    test(`by ${kind}, from an authority that refuses nonces, and keeps it over a restart`, async () => {
      const authority = await pebble({ noncesRefused: 30 });
      const text = toml(authority, `challenges = ["${kind}"]\ncontact = ["ops@example.org"]`);
      const server = await serve(text);
      await server.logged("www.a.test: a temporary certificate is shown until there is one");
      await issued(server);
      const seen = () => [
        server.output.includes("/.well-known/acme-challenge/"),
        server.log.includes("challenge of a CA"),
      ];
      await until("what it was asked", ISSUED_MS, () => seen().includes(true));
      expect(seen()).toEqual(kind === "http-01" ? [true, false] : [false, true]);
      const root = await authority.root();
      // Each front hears of it for itself.
      for (const name of ["a.test", "www.a.test"])
        await until("answer with it", ISSUED_MS, async () => (await ask(root, name)) === "https");
      const state = join(folder, "state");
      expect(statSync(state).mode & 0o777).toBe(0o700);
      const [pair = ""] = readdirSync(join(state, "certificates"));
      expect(statSync(join(state, "certificates", pair, "pair.pem")).mode & 0o777).toBe(0o600);
      await server.dispose();
      servers = [];
      const again = await serve(text);
      expect(await ask(root)).toBe("https");
      expect(again.log).not.toContain("ordering");
    });
  }

  for (const kind of ["http-01", "tls-alpn-01"]) {
    test(`that is called by an address by ${kind}, and shows it to clients that are sent there`, async () => {
      const authority = await pebble();
      const acme = `challenges = ["${kind}"]`;
      const other = toml(authority, acme, ["127.0.0.1"]).replace(/[^]*(?=\[\[site\]\])/, "");
      const server = await serve(toml(authority, acme) + other);
      await issued(server, 2);
      const root = await authority.root();
      await until("answers with both", ISSUED_MS, async () => (await ask(root)) === "https");
      const byAddress = () => curl("--cacert", root, `https://127.0.0.1:${secure}/`);
      await until("answers to the address", ISSUED_MS, async () => (await byAddress()).stdout === "https");
    });
  }

  test("when a reload brings it, and the others keep theirs", async () => {
    const authority = await pebble();
    const server = await serve(toml(authority));
    await issued(server);
    const more = toml(authority, "", ["b.test"]).replace(/[^]*(?=\[\[site\]\])/, "");
    await Bun.write(join(folder, "server.toml"), toml(authority) + more);
    expect((await server.command("reload")).code).toBe(0);
    await issued(server, 2);
    const root = await authority.root();
    await until("answers with both", ISSUED_MS, async () => (await ask(root, "b.test")) === "https");
    expect(await ask(root)).toBe("https");
  });

  test("for one name more, and all others keep theirs until then", async () => {
    const authority = await pebble();
    const server = await serve(toml(authority));
    await issued(server);
    const root = await authority.root();
    await until("answer with it", ISSUED_MS, async () => (await ask(root)) === "https");
    const answers: string[] = [];
    let isOver = false;
    const load = Array.from({ length: 2 }, async () => {
      while (!isOver) answers.push(await ask(root));
    });
    await Bun.write(join(folder, "server.toml"), toml(authority, "", [...NAMES, "more.a.test"]));
    expect((await server.command("reload")).code).toBe(0);
    await issued(server, 2);
    await until("answer to the new name", ISSUED_MS, async () => (await ask(root, "more.a.test")) === "https");
    isOver = true;
    await Promise.all(load);
    expect(answers.filter((answer) => answer !== "https")).toEqual([]);
    await server.logged("is shown until there is a new one; it does not name more.a.test");
  });

  test("with the account of a customer (external account binding)", async () => {
    const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    const authority = await pebble({ customers: { "kid-1": key } });
    const server = await serve(toml(authority, `eab_kid = "kid-1"\neab_key = "${key}"`));
    await issued(server);
  });
});

test("a site with a wildcard gets its certificate by a command that changes the zone", async () => {
  const authority = await pebble();
  const acme = `dns_hook = "${authority.hook}"\ndns_servers = ["${authority.names}"]`;
  const server = await serve(toml(authority, acme, ["a.test", "*.a.test"]));
  await issued(server);
  const root = await authority.root();
  for (const name of ["a.test", "any.a.test"])
    await until("answer with it", ISSUED_MS, async () => (await ask(root, name)) === "https");
  const calls = readFileSync(`${authority.hook}.calls`, "utf8").trim().split("\n");
  expect(calls.map((call) => call.split(" ", 2).join(" ")).toSorted()).toEqual(
    ["cleanup", "cleanup", "present", "present"].map((action) => `${action} _acme-challenge.a.test.`),
  );
});

describe("without a certificate the site is served, and it is said why", () => {
  test("while the authority is not there", async () => {
    const port = await freePort();
    const server = await serve(toml({ directory: `https://localhost:${port}/dir`, ca: await anyCa() }));
    await until("complaint", ISSUED_MS, () => server.log.includes("cannot be reached"));
    const { stdout } = await curl("-k", "--resolve", `a.test:${secure}:127.0.0.1`, `https://a.test:${secure}/`);
    expect(stdout).toBe("https");
    expect((await server.command("status")).stdout).toMatch(
      /certificate www\.a\.test: valid for .*, from temporary, next order in .*\n {2}browsers refuse it.*\n {2}no certificate could be had: .*; tried again in \d+ min/,
    );
  });

  test("while the authority finds no answer where it looks", async () => {
    const authority = await pebble({ httpPort: await freePort() });
    const server = await serve(toml(authority, 'challenges = ["http-01"]'));
    await until("complaint", ISSUED_MS, () => /a\.test \(http-01\): .*refused/.test(server.log));
    await server.logged("tried again in");
    expect(existsSync(join(folder, "state/certificates"))).toBe(false);
  });
});

/** Some authority's: none is asked. */
async function anyCa(): Promise<string> {
  return (await pebble()).ca;
}

test("a site for the LAN has its certificate at once, from an authority of the server's own", async () => {
  const server = await serve(
    toml({ directory: "https://localhost:1/dir", ca: await anyCa() }, "", ["lan.test"]).replace('"auto"', '"internal"'),
  );
  await issued(server);
  const root = join(folder, "state/authority.crt");
  await until("answer with it", ISSUED_MS, async () => (await ask(root, "lan.test")) === "https");
});
