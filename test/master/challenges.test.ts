import { expect, test } from "bun:test";
import { parseCertificates } from "../../src/certificates/pem.ts";
import type { ChallengeAnswers } from "../../src/front/challenges.ts";
import { Challenges } from "../../src/master/challenges.ts";

function stage() {
  const posted: ChallengeAnswers[] = [];
  const challenges = new Challenges(async (answers) => void posted.push(answers));
  const show = (kind: "http-01" | "tls-alpn-01", name: string, token: string) =>
    challenges.show({ kind, name, token, keyAuthorization: `${token}.thumbprint` });
  return { posted, show };
}

test("all fronts have what is open, until it is taken away", async () => {
  const { posted, show } = stage();
  const first = await show("http-01", "a.test", "one");
  const second = await show("http-01", "a.test", "two");
  expect(posted.at(-1)?.http).toEqual({ one: "one.thumbprint", two: "two.thumbprint" });
  await first();
  expect(posted.at(-1)?.http).toEqual({ two: "two.thumbprint" });
  await second();
  expect(posted.at(-1)).toEqual({ http: {}, tls: {} });
});

test("a challenge by tls-alpn-01 is a certificate for the name as the authority asks for it (RFC 8737, RFC 8738)", async () => {
  const { posted, show } = stage();
  for (const name of ["a.test", "192.0.2.7", "2001:db8::1"]) await show("tls-alpn-01", name, "t");
  const { tls = {} } = posted.at(-1) ?? {};
  expect(Object.keys(tls)).toEqual([
    "a.test",
    "7.2.0.192.in-addr.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
  ]);
  const [leaf] = parseCertificates(tls["a.test"]?.cert ?? "");
  expect(leaf?.subjectAltName).toBe("DNS:a.test");
  const [ofAddress] = parseCertificates(tls["7.2.0.192.in-addr.arpa"]?.cert ?? "");
  expect(ofAddress?.subjectAltName).toBe("IP Address:192.0.2.7");
});
