import { expect, test } from "bun:test";
import { listText, outcomeText, progressText, showText } from "../../src/cli/cert-text.ts";
import type { CertificateDetail } from "../../src/master/certificates.ts";

const DAY_MS = 86_400_000;
const NOW = new Date("2030-01-10T12:00:00Z");

const ORDERED: CertificateDetail = {
  site: "www.a.test",
  source: "auto",
  names: ["www.a.test", "a.test"],
  issuer: "C=US, CN=R3",
  serial: "0a",
  key: "EC P-256",
  notBefore: NOW.getTime() - 60 * DAY_MS,
  notAfter: NOW.getTime() + 30 * DAY_MS,
  fingerprint: "ff",
  chain: ["CN=www.a.test", "C=US, CN=R3"],
  nextAt: NOW.getTime() + 3 * DAY_MS,
  failures: 0,
  problems: [],
  pem: "",
};
const TEMPORARY: CertificateDetail = {
  ...ORDERED,
  site: "b.test",
  source: "temporary",
  key: "RSA 2048",
  nextAt: NOW.getTime() + 90_000,
  failures: 2,
  problems: ["browsers refuse it: it is shown until there is one of an authority"],
};
const FILES: CertificateDetail = { ...ORDERED, source: "files", nextAt: null, failures: null };

test("a list has a line for each, and what is wrong below", () => {
  const over: CertificateDetail = { ...FILES, site: "c.test", notAfter: NOW.getTime() - DAY_MS };
  expect(listText([ORDERED, TEMPORARY, over], NOW)).toBe(
    `www.a.test  EC P-256  until 2030-02-09 (30d)  ordered, renewal in 3d
b.test      RSA 2048  until 2030-02-09 (30d)  TEMPORARY, next order in 1m30s
  browsers refuse it: it is shown until there is one of an authority
c.test      EC P-256  EXPIRED 2030-01-09      from files
`,
  );
  expect(listText([], NOW)).toBe("no certificates\n");
});

test("one is shown with everything", () => {
  expect(showText([TEMPORARY], NOW)).toBe(`site     b.test
names    www.a.test, a.test
issuer   C=US, CN=R3
chain    CN=www.a.test < C=US, CN=R3
key      RSA 2048
valid    2029-11-11T12:00Z to 2030-02-09T12:00Z, until 2030-02-09 (30d)
source   TEMPORARY, next order in 1m30s
serial   0a
SHA-256  ff
failed   the last 2 orders
problem  browsers refuse it: it is shown until there is one of an authority
`);
  const files = showText([FILES], NOW);
  expect(files).toContain("source   from files\n");
  expect(files).not.toContain("failed ");
});

test("what goes on is told as it goes on", () => {
  const check = {
    state: "checked",
    site: "a.test",
    subject: "a.test",
    verdict: "bad",
    text: "has no address",
  } as const;
  expect(progressText(check)).toBe("BAD  a.test: has no address\n");
  expect(progressText({ state: "ordering", site: "a.test", at: "ca.test" })).toBe(
    "     a.test: ordering a certificate at ca.test\n",
  );
  expect(progressText({ state: "done", site: "a.test", ok: true })).toBe("");
});

test("and how it ended", () => {
  expect(outcomeText({ site: "a.test", ok: true }, false)).toBe("ok   a.test: the order went well\n");
  expect(outcomeText({ site: "a.test", ok: false, why: "no" }, true)).toBe("BAD  a.test: the test failed: no\n");
});
