import { expect, test } from "bun:test";
import type { X509Certificate } from "node:crypto";
import { clientCertificateText } from "../../src/exchange/client-certificate.ts";
import type { TlsFacts } from "../../src/net/tls-facts.ts";

const facts = (subject: string | undefined) => ({ certificate: { subject } as X509Certificate }) as TlsFacts;

test("a name is in RFC 2253's form, most specific first, with what is special in it escaped", () => {
  expect(clientCertificateText(facts("C=DE\nO=Org\nCN=Alice, the first"), "s_dn")).toBe(
    "CN=Alice\\, the first,O=Org,C=DE",
  );
  expect(clientCertificateText(facts("CN= a#\nO=#b "), "s_dn")).toBe("O=\\#b\\ ,CN=\\ a#");
  expect(clientCertificateText(facts("CN=é"), "s_dn")).toBe(Buffer.from("CN=é").toString("latin1"));
});

test("a certificate without a name has an empty one", () => {
  expect(clientCertificateText(facts(undefined), "s_dn")).toBe("");
  expect(clientCertificateText({ certificate: undefined } as TlsFacts, "s_dn")).toBe("");
});
