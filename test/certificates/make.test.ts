import { afterAll, describe, expect } from "bun:test";
import { X509Certificate } from "node:crypto";
import { makeCertificate, makeRequest, newKey } from "../../src/certificates/make.ts";
import { opensslMissing } from "../support/certificates.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const test = testUnless(opensslMissing());
const folder = makeFolder("make");
afterAll(() => removeFolder(folder));

const NAMES = ["a.test", "*.b.test", "192.0.2.7", "[2001:db8::7]"];
const from = new Date("2026-01-01T00:00:00Z");

function openssl(...args: string[]): string {
  const { stdout, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: folder });
  return stdout.toString() + stderr.toString();
}

test("a request is one that openssl verifies, with all names", () => {
  writeFiles(folder, { "request.der": makeRequest(NAMES, newKey()) });
  const shown = openssl("req", "-inform", "DER", "-in", "request.der", "-noout", "-text", "-verify");
  expect(shown).toContain("verify OK");
  expect(shown).toContain("DNS:a.test, DNS:*.b.test, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7");
});

describe("a certificate", () => {
  const authorityKey = newKey();
  const to = new Date(Date.now() + 86_400_000);
  const authority = makeCertificate({ subject: "local authority", names: [], key: authorityKey, from, to });
  const make = (more: Partial<Parameters<typeof makeCertificate>[0]>) =>
    makeCertificate({ subject: "a.test", names: NAMES, key: newKey(), from, to, ...more });

  test("leads to the authority that signed it", () => {
    writeFiles(folder, {
      "ca.pem": authority,
      "leaf.pem": make({ issuer: { subject: "local authority", key: authorityKey } }),
    });
    const verified = openssl("verify", "-x509_strict", "-CAfile", "ca.pem", "-purpose", "sslserver", "leaf.pem");
    expect(verified).toBe("leaf.pem: OK\n");
  });

  test("names what it is for, and how long", () => {
    const { subjectAltName, validFromDate } = new X509Certificate(make({}));
    expect(subjectAltName).toBe("DNS:a.test, DNS:*.b.test, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7");
    expect(validFromDate).toEqual(from);
    expect(new X509Certificate(make({ to: new Date("2061-01-01T00:00:00Z") })).validToDate.getUTCFullYear()).toBe(2061);
  });

  test("for a challenge holds its digest where RFC 8737 wants it", () => {
    writeFiles(folder, { "challenge.pem": make({ acmeDigest: Buffer.alloc(32, 0xab) }) });
    const shown = openssl("x509", "-in", "challenge.pem", "-noout", "-text");
    expect(shown).toMatch(/1\.3\.6\.1\.5\.5\.7\.1\.31: critical\s+\. (?:\.|\W)/);
  });
});
