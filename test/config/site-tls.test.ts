import { afterAll, describe, expect } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const missing = opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("site-tls");
afterAll(() => removeFolder(folder));

if (missing === undefined) {
  const authority = new Authority(folder);
  authority.make("a", { names: "DNS:a.test" });
  authority.make("rsa", { names: "DNS:a.test", key: "rsa" });
  authority.make("old", { names: "DNS:a.test", expired: true });
  authority.make("locked", { names: "DNS:a.test", passphrase: "secret" });
  writeFiles(folder, { passphrase: "secret\n" });
}

const MACHINE = { cores: 1, ipv6: false };
const A = `tls = { cert = "a.pem", key = "a.key" }`;

function load(...sites: string[]) {
  const toml = sites.map((site) => `[[site]]\n${site}\n[site.routes]\n"/" = { respond = "ok" }\n`).join("");
  writeFiles(folder, { "server.toml": toml });
  return loadConfig(join(folder, "server.toml"), { PASS: "secret" }, MACHINE);
}

/** `error tls.key: what` */
function problems(...sites: string[]): string[] {
  return load(...sites).problems.map(
    ({ severity, key, what }) => `${severity} ${key}: ${what.replaceAll(`${folder}/`, "")}`,
  );
}

function first(site: string) {
  const { config, problems: found } = load(site);
  expect(found.filter(({ severity }) => severity === "error")).toEqual([]);
  return config?.sites[0];
}

describe("encrypted is", () => {
  const listens = (site: string) =>
    first(site)?.listen.map((address) => [address.kind === "tcp" ? address.port : "", address.tls ?? false]);

  test("port 443, and what says so", () => {
    expect(listens(`names = ["a.test"]\nlisten = [80, "443"]\n${A}`)).toEqual([
      [80, false],
      [443, true],
    ]);
    expect(listens(`names = ["a.test"]\nlisten = [{ address = "127.0.0.1:8443", tls = true }]\n${A}`)).toEqual([
      [8443, true],
    ]);
    expect(listens(`listen = [{ address = 443, tls = false }]`)).toEqual([[443, false]]);
  });

  test("443 beside 80 where tls is all that is said", () => {
    expect(listens(`names = ["a.test"]\n${A}`)).toEqual([
      [80, false],
      [443, true],
    ]);
  });
});

test("unencrypted requests are redirected to the encrypted port unless the site says otherwise", () => {
  const site = `names = ["a.test"]\nlisten = [80, { address = 8443, tls = true }]\n${A}`;
  expect(first(site)?.httpsRedirect).toEqual({ status: 308, port: 8443 });
  expect(first(`${site}\nhttps_redirect = 301`)?.httpsRedirect).toEqual({ status: 301, port: 8443 });
  expect(first(`${site}\nhttps_redirect = false`)?.httpsRedirect).toBeUndefined();
});

test("hsts is a duration, or a table", () => {
  const site = `names = ["a.test"]\n${A}`;
  expect(first(`${site}\nhsts = "5m"`)?.hsts).toEqual({ maxAgeMs: 300_000, includeSubdomains: false, preload: false });
  expect(first(`${site}\nhsts = { include_subdomains = true }`)?.hsts).toEqual({
    maxAgeMs: 365 * 86_400_000,
    includeSubdomains: true,
    preload: false,
  });
  for (const day of ["2026-12-01", '"2026-12-01"'])
    expect(first(`${site}\nhsts = { ramp_from = ${day} }`)?.hsts?.rampFromMs).toBe(Date.UTC(2026, 11, 1));
  for (const day of ['"2026-13-01"', "2026-12-01T10:00:00Z", "5", '"tomorrow"'])
    expect(problems(`${site}\nhsts = { ramp_from = ${day} }`).join()).toContain("error site.hsts.ramp_from: is ");
});

test("a locked key is opened by a file or the environment", () => {
  const site = (how: string) => `names = ["a.test"]\ntls = { cert = "locked.pem", key = "locked.key"${how} }`;
  for (const how of [`, passphrase_file = "passphrase"`, `, passphrase = "$ENV{PASS}"`]) {
    const source = first(site(how))?.tls?.source;
    expect(source?.kind === "files" && source.pairs[0]?.passphrase).toBe("secret");
  }
  expect(problems(site(""))).toEqual(["error site.tls.key: names locked.key, whose key has a passphrase"]);
});

test("an EC and an RSA certificate stand side by side, two of a kind do not", () => {
  const site = (cert: string, key: string) => `names = ["a.test"]\ntls = { cert = ${cert}, key = ${key} }`;
  const source = first(site(`["a.pem", "rsa.pem"]`, `["a.key", "rsa.key"]`))?.tls?.source;
  expect(source?.kind === "files" && source.pairs.length).toBe(2);
  expect(problems(site(`["a.pem", "a.pem"]`, `["a.key", "a.key"]`)).filter((each) => each.startsWith("error"))).toEqual(
    ["error site.tls.cert: names two certificates with EC keys"],
  );
  expect(problems(site(`["a.pem", "rsa.pem"]`, `"a.key"`))).toEqual(["error site.tls.key: names 1 for 2 of cert"]);
});

test("what clients will refuse is a warning, what cannot work an error", () => {
  const chain = "warning site.tls.cert: names a.pem, which ends before CN=test-authority, which browsers may not know";
  expect(problems(`names = ["a.test"]\n${A}`)).toEqual([chain]);
  expect(problems(`names = ["a.test", "b.test"]\n${A}`)).toContain(
    "warning site.tls.cert: names a.pem, which does not name b.test, but a.test",
  );
  expect(problems(`names = ["a.test"]\ntls = { cert = "old.pem", key = "old.key" }`)[0]).toMatch(
    /^warning site\.tls\.cert: names old\.pem, which expired on /,
  );
  expect(problems(`names = ["a.test"]\ntls = { cert = "a.pem", key = "rsa.key" }`)).toEqual([
    "error site.tls.key: names rsa.key, which is not the key of a.pem",
  ]);
});

test("what has no meaning is refused", () => {
  expect(problems(`listen = [443]`)).toEqual([
    "error site.listen: names an encrypted address (443 is one), and there is no tls",
  ]);
  expect(problems(`listen = [80]\n${A}`)).toEqual(["error site.tls: has no encrypted address"]);
  expect(problems(`listen = [80]\nhsts = "1y"`)).toEqual(["error site.hsts: has no meaning here"]);
  expect(problems(`names = ["a.test"]\ntls = { cert = "a.pem" }`)).toEqual(["error site.tls: has no key"]);
  expect(problems(`listen = [{ address = "unix:/tmp/x.sock", tls = true }]`)).toContain(
    "error site.listen.tls: has no meaning here",
  );
  expect(problems(`names = ["a.test"]\ntls = { cert = "a.pem", key = "a.key", client_auth = "optional" }`)).toContain(
    "error site.tls.client_auth: has no client_ca",
  );
});

test("sites of one address are all encrypted or none, and with one policy", () => {
  const errors = (...sites: string[]) => problems(...sites).filter((each) => each.startsWith("error"));
  expect(
    errors(`names = ["a.test"]\nlisten = [443]\n${A}`, `names = ["b.test"]\nlisten = [{ address = 443, tls = false }]`),
  ).toEqual(["error site.listen: gives 0.0.0.0:443 another tls than line 3"]);
  const modern = `names = ["b.test"]\nlisten = [443]\ntls = { cert = "a.pem", key = "a.key", policy = "modern" }`;
  expect(errors(`names = ["a.test"]\nlisten = [443]\n${A}`, modern)).toEqual([
    "error site.tls: has the policy modern on 0.0.0.0:443, where the site on line 1 has another",
  ]);
});
