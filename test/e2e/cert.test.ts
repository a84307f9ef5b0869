/** `server cert` with a running server, and without: lists, orders at once, tries an order out, prints the local authority. Who trusts it: browser.test.ts. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { opensslMissing } from "../support/certificates.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { type Pebble, pebbleMissing, startPebble } from "../support/pebble.ts";
import { testUnless } from "../support/skip.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = pebbleMissing() ?? opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("cert");
let authority: Pebble;
let server: Server;

beforeAll(async () => {
  if (missing !== undefined) return;
  const [secure, plain] = [await freePort(), await freePort()];
  authority = await startPebble({ httpPort: plain, tlsPort: secure });
  const listen = `listen = [{ address = "127.0.0.1:${secure}", tls = true }, "127.0.0.1:${plain}"]`;
  server = await startServer(
    `
[server]
fronts = 1
state_directory = "state"
[acme]
directory = "${authority.directory}"
staging = "${authority.directory}"
ca = "${authority.ca}"
dns_servers = ["${authority.names}"]
[[site]]
names = ["www.a.test", "a.test"]
${listen}
tls = "auto"
[site.routes]
"/" = { respond = "a" }
[[site]]
names = ["lan.test"]
${listen}
tls = "internal"
[site.routes]
"/" = { respond = "lan" }
`,
    { folder },
  );
  await server.logged("www.a.test: shows a new certificate");
  await server.logged("lan.test: shows a new certificate");
});
afterAll(async () => {
  if (missing === undefined) await server.dispose();
  if (missing === undefined) await authority.stop();
  removeFolder(folder);
});

const cert = (...words: string[]) => server.command("cert", ...words);
const fingerprintOf = async (site: string) =>
  JSON.parse((await cert("show", site, "--json")).stdout).certificates[0].fingerprint as string;

test("list and show tell what is shown and when it is renewed", async () => {
  const { stdout, code } = await cert("list");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^www\.a\.test +EC P-256 +until \S+ \(\S+\) +ordered, renewal in \S+$/m);
  expect(stdout).toMatch(/^lan\.test +EC P-256 +until \S+ \(\S+\) +signed by the local authority, renewal in \S+$/m);
  expect((await cert("show", "a.test")).stdout).toMatch(/^issuer {3}CN=Pebble Intermediate/m);
  expect((await cert("show", "a.test", "--pem")).stdout).toMatch(/^-----BEGIN CERTIFICATE-----/);
  const other = await cert("show", "b.test");
  expect([other.code, other.stderr]).toEqual([
    1,
    'server cert: "b.test" has no certificate; there are: www.a.test, lan.test\n',
  ]);
});

test("renew orders at once, for one site or all", async () => {
  const [auto, internal] = [await fingerprintOf("a.test"), await fingerprintOf("lan.test")];
  expect((await cert("renew", "a.test")).stdout).toEndWith("ok   www.a.test: the order went well\n");
  expect(await fingerprintOf("a.test")).not.toBe(auto);
  expect(await fingerprintOf("lan.test")).toBe(internal);
  expect((await cert("renew")).code).toBe(0);
  expect(await fingerprintOf("lan.test")).not.toBe(internal);
  const other = await cert("renew", "b.test");
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('no site "b.test" whose certificate comes by itself; known: www.a.test, lan.test');
});

test("test looks at everything, orders where it costs nothing, and shows nothing of it", async () => {
  const before = await fingerprintOf("a.test");
  const { stdout, code } = await cert("test", "www.a.test");
  expect(stdout).toContain("ok   www.a.test: has no CAA record: every authority may sign\n");
  expect(stdout).toContain("ok   www.a.test: leads to 127.0.0.1\n");
  // Ports 80 and 443 of this machine are none of the server's.
  expect(stdout).toMatch(/^(?:BAD |note) www\.a\.test: port 80 of 127\.0\.0\.1 /m);
  expect(stdout).toContain("     www.a.test: ordering a certificate at localhost:");
  const isBad = stdout.includes("\nBAD ");
  expect(stdout).toEndWith(
    isBad
      ? "BAD  www.a.test: the test failed: the order went well, but what is BAD above may be in the way of another one\n"
      : "ok   www.a.test: the test went well\n",
  );
  expect(code).toBe(isBad ? 1 : 0);
  expect(await fingerprintOf("a.test")).toBe(before);
});

test("words that do not fit are refused with a remedy", async () => {
  for (const words of [[], ["shw"], ["show"], ["list", "a.test"], ["trust", "a.test"]]) {
    const { code, stderr } = await cert(...words);
    expect([code, stderr.includes("server help cert shows how it is used.")]).toEqual([2, true]);
  }
});

describe("trust", () => {
  test("prints the local authority's certificate, and nothing else on stdout", async () => {
    const { stdout, stderr, code } = await cert("trust");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/);
    expect(stderr).toMatch(/authority\.crt: server local authority \d+, until .*\nSHA-256 [0-9A-F:]{95}\n/);
  });
});

test("without a running server what is on disk is shown", async () => {
  await server.dispose();
  const { stdout, stderr, code } = await cert("list");
  expect([code, stderr.includes("what is on disk:")]).toEqual([0, true]);
  expect(stdout).toMatch(/^www\.a\.test +EC P-256 +until \S+ \(\S+\) +ordered$/m);
  const renewed = await cert("renew");
  expect([renewed.code, renewed.stderr.includes("no server runs with")]).toEqual([1, true]);
});
