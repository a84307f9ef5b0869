/** `tls = "auto"`, `"internal"` and [acme]: which names get a certificate by themselves, and how they are proved. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

const folder = makeFolder("acme-config");
afterAll(() => removeFolder(folder));

function load(site: string, acme = "") {
  const toml = `[acme]\n${acme}\n[[site]]\n${site}\n[site.routes]\n"/" = { respond = "ok" }\n`;
  writeFiles(folder, { "server.toml": toml });
  return loadConfig(join(folder, "server.toml"), { PATH: "/usr/bin:/bin" }, { cores: 1, ipv6: false });
}

const problems = (site: string, acme?: string) =>
  load(site, acme).problems.map(({ severity, key, what, should }) => `${severity} ${key}: ${what}; ${should}`);

function sourceOf(site: string, acme?: string) {
  const { config, problems: found } = load(site, acme);
  expect(found).toEqual([]);
  return config?.sites[0]?.tls?.source;
}

describe("a certificate comes by itself", () => {
  test("for public names on port 443, without being asked for", () => {
    for (const listen of ['listen = ["443"]', "listen = [443]", "listen = [80, 443]"])
      expect(sourceOf(`names = ["www.a.org", "a.org"]\n${listen}`)).toMatchObject({
        kind: "auto",
        names: ["www.a.org", "a.org"],
      });
    expect(load('names = ["a.org"]').config?.sites[0]?.tls).toBeUndefined();
  });

  test("from the local authority for names of a LAN, if that is said", () => {
    expect(sourceOf('names = ["app.lan", "*.app.lan"]\ntls = "internal"')).toMatchObject({
      kind: "internal",
      names: ["app.lan", "*.app.lan"],
    });
    expect(problems('names = ["app.lan"]\nlisten = [443]').join()).toContain("there is no tls");
    expect(problems('names = ["app.lan"]\ntls = "auto"')).toEqual([
      'error site.tls: is auto, and no public authority knows app.lan; should be "internal"',
    ]);
    expect(problems('tls = "auto"').join()).toContain("the site has no names");
  });

  test("for an address, of a kind that Let's Encrypt signs", () => {
    const site = 'names = ["203.0.113.9"]\ntls = "auto"';
    expect(problems(site)).toEqual([
      "warning site.tls: is auto for the address 203.0.113.9, which Let's Encrypt signs for days only; " +
        'needs [acme] profile = "shortlived"',
    ]);
    expect(sourceOf(site, 'profile = "shortlived"')).toMatchObject({ names: ["203.0.113.9"] });
    for (const address of ["192.168.1.9", "10.0.0.1", "172.20.0.1", "127.0.0.1", "[fd00::1]", "[::1]"])
      expect(problems(`names = ["${address}"]\ntls = "auto"`)[0]).toBe(
        `error site.tls: is auto, and no public authority knows ${address}; should be "internal"`,
      );
  });
});

describe("how names are proved", () => {
  const kinds = (site: string, acme?: string) => {
    const source = sourceOf(site, acme);
    return source !== undefined && "challenges" in source ? source.challenges : undefined;
  };

  test("is by what the server listens on, or what is said", () => {
    expect(kinds('names = ["a.org"]\ntls = "auto"')).toEqual(["http-01", "tls-alpn-01"]);
    expect(kinds('names = ["a.org"]\nlisten = [443]')).toEqual(["tls-alpn-01", "http-01"]);
    expect(kinds('names = ["a.org"]\ntls = "auto"', 'challenges = ["tls-alpn-01"]')).toEqual(["tls-alpn-01"]);
    expect(kinds('names = ["a.org"]\ntls = "auto"', 'dns_hook = "true"')).toEqual(["dns-01"]);
  });

  test("of addresses is never by the zone", () => {
    const site = 'names = ["203.0.113.9"]\ntls = "auto"';
    const hook = 'profile = "shortlived"\ndns_hook = "true"';
    expect(kinds(site, hook)).toEqual(["dns-01", "http-01", "tls-alpn-01"]);
    expect(kinds(site, `${hook}\nchallenges = ["dns-01", "tls-alpn-01"]`)).toEqual(["dns-01", "tls-alpn-01"]);
  });

  test("of wildcards is by a command that changes the zone", () => {
    const site = 'names = ["*.a.org", ".b.org"]\ntls = "auto"';
    expect(problems(site)).toEqual([
      'error site.tls: is auto, and nobody vouches for "*.a.org" so; ' +
        "should have all hosts written out, or [acme] dns_hook (for *.example.org), or certificates of your own",
    ]);
    expect(sourceOf(site, 'dns_hook = "true"')).toMatchObject({ names: ["*.a.org", "b.org", "*.b.org"] });
    expect(sourceOf('names = ["*.a.org"]\nlisten = [443]', 'dns_hook = "true"')).toMatchObject({ kind: "auto" });
    expect(problems('names = ["~^a"]\ntls = "auto"', 'dns_hook = "true"').join()).toContain("nobody vouches for");
  });

  test("by a command needs one that is there, and is said once when it is not", () => {
    const site = 'names = ["*.a.org"]\nlisten = [443]';
    const hookOf = (written: string) => load(site, `dns_hook = ${written}`).config?.acme.dnsHook?.command;
    expect(hookOf("\"true --zone 'a b'\"")).toEqual(["/usr/bin/true", "--zone", "a b"]);
    writeFiles(folder, { "hook.sh": "" });
    expect(problems(site, 'dns_hook = "./hook.sh"')).toEqual([
      `error acme.dns_hook: names ${folder}/hook.sh, which is not executable; should begin with a program that can be executed`,
    ]);
    expect(problems(site, 'challenges = ["dns-01"]').join()).toContain(
      "error acme.challenges: has dns-01, and there is no dns_hook",
    );
    expect(problems('names = ["a.org"]', 'dns_hook = "true"\nchallenges = ["http-01"]').join()).toContain(
      "error acme.dns_hook: is not used by these challenges",
    );
    expect(problems('names = ["a.org"]', 'dns_wait = "1m"').join()).toContain("belongs to dns_hook");
  });

  test("an authority that has customers only is not asked without an account there, nor one twice", () => {
    const wrong = (acme: string) => problems('names = ["a.org"]\ntls = "auto"', acme);
    const needs =
      "is that of ZeroSSL, which knows its customers only; needs eab_kid and eab_key beside it, which are made in their account";
    expect(wrong('directory = "zerossl"')).toEqual([`error acme.directory: ${needs}`]);
    expect(wrong('fallback = { directory = "zerossl" }')).toEqual([`error acme.fallback.directory: ${needs}`]);
    expect(wrong('fallback = { directory = "zerossl", eab_kid = "a", eab_key = "b" }')).toEqual([]);
    for (const same of ["{}", '{ directory = "letsencrypt" }'])
      expect(wrong(`fallback = ${same}`)).toEqual([
        "error acme.fallback: is the authority that was asked first; should have the directory of another one",
      ]);
  });

  test("name servers are addresses, with a port or without", () => {
    const servers = (written: string) => load('names = ["a.org"]', `dns_servers = ${written}`).config?.acme.nameServers;
    expect(servers('["192.0.2.53", "127.0.0.1:5353", "2001:db8::53", "[2001:db8::53]:54"]')).toEqual([
      "192.0.2.53:53",
      "127.0.0.1:5353",
      "[2001:db8::53]:53",
      "[2001:db8::53]:54",
    ]);
    for (const wrong of ['"ns.a.org"', '"127.0.0.1:0"', '"127.0.0.1:99999"', '"[127.0.0.1"'])
      expect(problems('names = ["a.org"]', `dns_servers = ${wrong}`).join()).toContain("should be an address such as");
  });
});
