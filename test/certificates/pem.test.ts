import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { makeCertificate, newKey } from "../../src/certificates/make.ts";
import { chainText, keyText, parseCertificates, parsePrivateKey } from "../../src/certificates/pem.ts";

const key = newKey();
const dates = { from: new Date(), to: new Date(Date.now() + 86_400_000) };
const certificate = (subject: string) => makeCertificate({ subject, names: ["a.test"], key, ...dates });

describe("certificates", () => {
  test("are read in the order of the file, whatever stands between them", () => {
    const text = `subject=one\r\n${certificate("one")}\r\n\r\n${keyText(key)}# two\n${certificate("two")}`;
    expect(parseCertificates(text).map(({ subject }) => subject)).toEqual(["CN=one", "CN=two"]);
    expect(chainText(parseCertificates(text))).toBe(certificateText(text));
  });

  const certificateText = (text: string) =>
    [...text.matchAll(/-----BEGIN CERTIFICATE[^]*?-----END CERTIFICATE-----/g)].map(([one]) => `${one}\n`).join("");

  test("that are none are said to be none, by their number", () => {
    expect(() => parseCertificates("garbage")).toThrow("which holds no certificate");
    expect(() => parseCertificates("")).toThrow("which holds no certificate");
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect(() => parseCertificates(certificate("one") + broken)).toThrow("whose certificate number 2 is none");
    // Cut off in the middle.
    expect(() => parseCertificates(certificate("one").slice(0, 200))).toThrow("which holds no certificate");
  });
});

describe("a key", () => {
  test("is read in every form that there is", () => {
    const { privateKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { privateKey: ed } = generateKeyPairSync("ed25519");
    for (const each of [key, rsa, ed]) expect(parsePrivateKey(keyText(each), undefined).equals(each)).toBe(true);
    const sec1 = key.export({ type: "sec1", format: "pem" }).toString();
    const pkcs1 = rsa.export({ type: "pkcs1", format: "pem" }).toString();
    expect(parsePrivateKey(sec1, undefined).equals(key)).toBe(true);
    expect(parsePrivateKey(pkcs1, undefined).equals(rsa)).toBe(true);
  });

  test("that is locked needs its passphrase", () => {
    const locked = key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" }).toString();
    expect(parsePrivateKey(locked, "secret").equals(key)).toBe(true);
    expect(() => parsePrivateKey(locked, undefined)).toThrow("whose key has a passphrase");
    expect(() => parsePrivateKey(locked, "wrong")).toThrow("whose key the passphrase does not open");
  });

  test("that is none is said to be none", () => {
    for (const text of ["", certificate("one")]) {
      expect(() => parsePrivateKey(text, undefined)).toThrow("which holds no private key");
    }
    const damaged = keyText(key).replace(/[A-Za-z]{9}/, "AAAAAAAAA");
    expect(() => parsePrivateKey(damaged, undefined)).toThrow(
      "whose private key is damaged, or of a kind that is not known",
    );
  });
});
