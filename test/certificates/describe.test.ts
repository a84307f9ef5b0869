import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { describePair } from "../../src/certificates/describe.ts";
import { internalPair, newAuthority } from "../../src/certificates/local.ts";
import { makeCertificate } from "../../src/certificates/make.ts";
import { parseCertificates } from "../../src/certificates/pem.ts";

const NOW = Date.UTC(2030, 0, 1);

test("a certificate is described without its key", () => {
  const pair = internalPair(["a.test", "192.0.2.7"], newAuthority(NOW), NOW);
  const facts = describePair(pair);
  expect(facts).toMatchObject({
    names: ["a.test", "192.0.2.7"],
    issuer: "CN=server local authority 2030",
    key: "EC P-256",
    notBefore: NOW - 3_600_000,
    notAfter: NOW + 14 * 86_400_000,
    chain: ["CN=a.test", "CN=server local authority 2030"],
  });
  expect(facts.serial).toMatch(/^0?1[0-9a-f]{30}$/);
  expect(facts.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(facts)).not.toContain("PRIVATE");
});

test("other keys have their kind and size", () => {
  const issuer = { subject: "x", key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey };
  const of = (key: ReturnType<typeof generateKeyPairSync>["privateKey"]) => {
    const dates = { from: new Date(NOW), to: new Date(NOW + 1000) };
    const cert = makeCertificate({ subject: "x", names: ["a.test"], key: key as never, issuer, ...dates });
    return describePair({ chain: parseCertificates(cert) }).key;
  };
  expect(of(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey as never)).toBe("RSA 2048");
  expect(of(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey as never)).toBe("EC P-384");
});

test("a certificate without a subject, as short-lived ones are, is called by its first name", () => {
  // openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -addext subjectAltName=DNS:a.test -days 36500
  const pem = `-----BEGIN CERTIFICATE-----
MIIBaTCCARCgAwIBAgIUA4WyFmneEeUEos6WNiKVFrPxi+YwCgYIKoZIzj0EAwIw
ADAgFw0yNjExMjkyMTQ2NDhaGA8yMTI2MTEwNTIxNDY0OFowADBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABCtQMaPf28kP67s+/PsBSy88AoUVrkc8MZh9peDoClIu
dlOLA4K5oBRF3Qw/dbGWjbZomM/lcMomtOVOPqpkl0ujZjBkMB0GA1UdDgQWBBSy
Uzsm8wZR2FhJt7ksazSZav05kTAfBgNVHSMEGDAWgBSyUzsm8wZR2FhJt7ksazSZ
av05kTAPBgNVHRMBAf8EBTADAQH/MBEGA1UdEQQKMAiCBmEudGVzdDAKBggqhkjO
PQQDAgNHADBEAiB+Oiy3ImPf4rXuUjI710/59Hh/ptKOU9C2TAj19WKRCQIgC3Ea
JceiYGe9yr/O22wMD51xiZGuhlYa39vYbyMNJSE=
-----END CERTIFICATE-----
`;
  const facts = describePair({ chain: parseCertificates(pem) });
  expect([facts.names, facts.chain, facts.issuer]).toEqual([["a.test"], ["a.test"], ""]);
});
