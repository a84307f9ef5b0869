/** What an authority will look at, looked at from here: with a name server and ports of the test's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Directory } from "../../src/certificates/acme-client.ts";
import { AcmeProblem } from "../../src/certificates/acme-client.ts";
import { type Check, preflight, type PreflightOptions } from "../../src/certificates/preflight.ts";
import { makeResolver } from "../../src/certificates/resolver.ts";
import { type NameServer, startNameServer } from "../support/dns.ts";
import { freePort } from "../support/folder.ts";

const DIRECTORY: Directory = {
  newNonce: "",
  newAccount: "",
  newOrder: "",
  meta: { caaIdentities: ["ca.test"], profiles: { default: "", shortlived: "" } },
};

let names: NameServer;
let shown: Map<string, string>;
let answers: ReturnType<typeof Bun.serve>;

beforeAll(async () => {
  names = await startNameServer({
    "good.test A": ["127.0.0.1"],
    "good.test CAA": ["0 issue ca.test"],
    "lost.test TXT": ["nothing"],
    "other.test A": ["127.0.0.1"],
    "other.test CAA": ["0 issue other.test"],
    "elsewhere.test A": ["127.0.0.1"],
    "broken.test *": [],
  });
  shown = new Map();
  answers = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const { pathname, hostname } = new URL(request.url);
      const answer = shown.get(`${hostname} ${pathname.split("/").at(-1)}`);
      return answer === undefined
        ? new Response("no", { status: 404, headers: { Server: "nginx" } })
        : new Response(answer);
    },
  });
});
afterAll(async () => {
  names.stop();
  await answers.stop(true);
});

/** `good good.test: …`, one for each finding. */
async function findings(name: string, more: Partial<PreflightOptions> = {}): Promise<string[]> {
  const options: PreflightOptions = {
    names: [name],
    kinds: ["http-01"],
    profile: undefined,
    authority: { directory: "https://ca.test/dir", ca: undefined, binding: undefined },
    directory: async () => DIRECTORY,
    resolver: makeResolver([names.address]),
    addresses: ["127.0.0.1"],
    show: async ({ name: host, token, keyAuthorization }) => {
      shown.set(`${host} ${token}`, keyAuthorization);
      return () => void shown.delete(`${host} ${token}`);
    },
    ports: { http: answers.port ?? 0, tls: answers.port ?? 0 },
    ...more,
  };
  const found: Check[] = [];
  for await (const check of preflight(options)) found.push(check);
  expect(shown.size).toBe(0);
  return found.map(({ verdict, subject, text }) => `${verdict} ${subject}: ${text}`);
}

test("a site that is ready has nothing but good findings", async () => {
  expect(await findings("good.test", { kinds: ["http-01", "tls-alpn-01"] })).toEqual([
    "good ca.test: answers",
    "good good.test: the CAA records of good.test allow it",
    "good good.test: leads to 127.0.0.1",
    `good good.test: port ${answers.port} of 127.0.0.1 gives this server's answer (http-01)`,
    `good good.test: port ${answers.port} of 127.0.0.1 takes connections (tls-alpn-01)`,
  ]);
});

describe("what is in the way is explained", () => {
  test("a second authority that would not help", async () => {
    const authority = { directory: "https://second.test/dir", ca: undefined, binding: undefined };
    const second = (directory: () => Promise<Directory>) => findings("good.test", { second: { authority, directory } });
    expect((await second(async () => DIRECTORY))[1]).toBe("good second.test: answers");
    expect(await second(async () => ({ ...DIRECTORY, meta: { externalAccountRequired: true } }))).toContain(
      "bad second.test: wants customers only: [acme] eab_kid and eab_key are missing",
    );
    const away = async () => Promise.reject(new AcmeProblem("unreachable", "second.test cannot be reached: REFUSED"));
    expect((await second(away))[1]).toStartWith("bad second.test: cannot be reached: REFUSED");
  });

  test("a name without an address", async () => {
    expect(await findings("lost.test")).toContain(
      "bad lost.test: has no address: an A or AAAA record with this machine's is missing in the zone",
    );
  });

  test("an address of another machine", async () => {
    expect((await findings("elsewhere.test", { addresses: ["192.0.2.1"] })).join("\n")).toContain(
      "warning elsewhere.test: 127.0.0.1 is not of this machine: right behind NAT or a balancer",
    );
  });

  test("CAA records that name another authority, and a zone that fails", async () => {
    expect(await findings("other.test")).toContain(
      "bad other.test: the CAA records of other.test let other.test sign (issue), and not ca.test",
    );
    expect((await findings("broken.test")).join("\n")).toMatch(
      /bad broken\.test: CAA of broken\.test cannot be asked: .*SERVFAIL.*; an authority does not sign then/,
    );
  });

  test("another server on port 80", async () => {
    const show = async () => () => {};
    expect(await findings("good.test", { show })).toContain(
      `bad good.test: port ${answers.port} of 127.0.0.1 is answered by another server: nginx says 404`,
    );
  });

  test("nobody there; a hint only, where the other way of proof is open", async () => {
    const ports = { http: await freePort(), tls: answers.port ?? 0 };
    expect((await findings("good.test", { ports })).at(-1)).toMatch(/^bad good\.test: port \d+ .* refuses connections/);
    const both = await findings("good.test", { ports, kinds: ["http-01", "tls-alpn-01"] });
    expect(both.slice(-2).map((text) => text.split(" ", 1)[0])).toEqual(["warning", "good"]);
  });

  test("an authority that is away, wants customers, or has no such profile", async () => {
    const directory = () => Promise.reject(new AcmeProblem("unreachable", "ca.test cannot be reached: ECONNREFUSED"));
    expect((await findings("good.test", { directory }))[0]).toBe(
      "bad ca.test: cannot be reached: ECONNREFUSED; is there a way out to it (firewall, proxy, DNS)?",
    );
    const customers = async () => ({ ...DIRECTORY, meta: { externalAccountRequired: true } });
    expect((await findings("good.test", { directory: customers }))[1]).toContain("eab_kid and eab_key are missing");
    expect((await findings("good.test", { profile: "long" }))[1]).toBe(
      'bad ca.test: has no profile "long", but default, shortlived',
    );
  });
});

test("a wildcard is proved in the zone, an address needs no zone", async () => {
  expect((await findings("*.good.test", { kinds: ["dns-01"] })).at(-1)).toBe(
    "good *.good.test: is proved in the zone (dns-01), which the order tries",
  );
  expect(await findings("127.0.0.1")).toEqual([
    "good ca.test: answers",
    `good 127.0.0.1: port ${answers.port} of 127.0.0.1 gives this server's answer (http-01)`,
  ]);
});
