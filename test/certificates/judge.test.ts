import { afterAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { covers, hostsOf, judge } from "../../src/certificates/judge.ts";
import { parseCertificates } from "../../src/certificates/pem.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const missing = opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("judge");
afterAll(() => removeFolder(folder));

const NAMES = "DNS:www.example.org,DNS:*.example.net,DNS:example.net,IP:192.0.2.7";
const authority = missing === undefined ? new Authority(folder) : undefined;
const made = authority?.make("site", { names: NAMES });
const read = (path: string | undefined) => parseCertificates(readFileSync(path ?? "", "latin1"));
const nobody = () => new Set<string>();
const known = () => new Set(["CN=test-authority"]);
const DAY_MS = 86_400_000;

describe("a certificate covers", () => {
  test("the hosts that it names, a wildcard for one label, and addresses", () => {
    const [leaf] = read(made?.pem);
    const covered = (host: string) => leaf !== undefined && covers(leaf, host);
    expect(["www.example.org", "example.net", "a.example.net", "*.example.net", "192.0.2.7"].map(covered)).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(["example.org", "a.b.example.net", "*.example.org", "192.0.2.8"].map(covered)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

test("of a site's names those are looked at that a certificate can name", () => {
  expect([".example.org", "a.org", "~^x", "www.example.*"].flatMap(hostsOf)).toEqual([
    "example.org",
    "*.example.org",
    "a.org",
  ]);
});

describe("found wanting is a certificate", () => {
  const whats = (options: Partial<Parameters<typeof judge>[0]>) =>
    judge({ chain: read(made?.pem), names: [], nowMs: Date.now(), authorities: known, ...options }).map(
      ({ what }) => what,
    );

  test("that is over, is not valid yet, or will soon be over", () => {
    expect(whats({})).toEqual([]);
    const now = Date.now();
    expect(whats({ nowMs: now + 21 * DAY_MS })).toEqual([expect.stringMatching(/^expired on \d{4}-\d\d-\d\d$/)]);
    expect(whats({ nowMs: now - DAY_MS })).toEqual([expect.stringMatching(/^is not valid before /)]);
    // Of a month or less nobody renews a fortnight before its end.
    expect(whats({ nowMs: now + 12 * DAY_MS })).toEqual([]);
  });

  test("that does not name every host", () => {
    expect(whats({ names: ["www.example.org", ".example.net"] })).toEqual([]);
    expect(whats({ names: ["www.example.org", "other.org", ".example.org"] })).toEqual([
      "does not name other.org, example.org, *.example.org, but www.example.org, *.example.net, example.net, 192.0.2.7",
    ]);
  });

  test("whose chain leads nowhere or is out of order", () => {
    expect(whats({ authorities: nobody })).toEqual(["ends before CN=test-authority, which browsers may not know"]);
    const root = read(authority?.pem);
    expect(whats({ chain: [...read(made?.pem), ...root], authorities: nobody })).toEqual([]);
    expect(whats({ chain: [...root, ...read(made?.pem)] })).toEqual([
      "has as number 2 CN=site, which did not issue number 1",
    ]);
  });
});

test("a key that browsers do not take is found wanting", () => {
  const found = (type: string, modulusLength?: number) => {
    const publicKey = { asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength } };
    const dates = { validFromDate: new Date(0), validToDate: new Date(Date.now() + 300 * DAY_MS) };
    const leaf = { publicKey, issuer: "CN=test-authority", ...dates } as unknown as ReturnType<typeof read>[number];
    return judge({ chain: [leaf], names: [], nowMs: Date.now(), authorities: known }).map(({ what }) => what);
  };
  expect(found("ec")).toEqual([]);
  expect(found("rsa", 2048)).toEqual([]);
  expect(found("rsa", 1024)).toEqual(["has an RSA key of 1024 bits"]);
  expect(found("ed25519")).toEqual(["has a key of the kind ed25519"]);
});
