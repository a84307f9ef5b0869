/** The messages of an account. Whole orders: ordering.test.ts, and with a real authority test/e2e/acme.test.ts. */
import { describe, expect, test } from "bun:test";
import { createHmac, createPrivateKey } from "node:crypto";
import { AcmeClient, AcmeProblem } from "../../src/certificates/acme-client.ts";
import { newKey } from "../../src/certificates/make.ts";
import { FakeAuthority } from "../support/acme.ts";

/** What it sent is in `sent`. */
function clientOf(authority: FakeAuthority, binding?: { kid: string; key: string }) {
  const sent: Readonly<Record<string, string>>[] = [];
  const fetch = (url: string, init: RequestInit) => {
    // RFC 8555 section 6.1: always.
    expect(new Headers(init.headers).get("user-agent")).toMatch(/^server\/\d/);
    if (typeof init.body === "string") sent.push(JSON.parse(init.body));
    return authority.fetch(url, init);
  };
  const { directory } = authority;
  const account = { key: newKey(), kid: undefined };
  return { client: new AcmeClient({ directory, ca: undefined, binding }, account, ["ops@a.test"], fetch), sent };
}

const decode = (text = "") => JSON.parse(Buffer.from(text, "base64url").toString());

test("an account is asked for with the key, and from then on by its URL", async () => {
  const { client, sent } = clientOf(new FakeAuthority({ url: "https://ca.test" }));
  await client.register();
  await client.register();
  expect(sent).toHaveLength(1);
  expect(decode(sent[0]?.["payload"])).toEqual({ termsOfServiceAgreed: true, contact: ["mailto:ops@a.test"] });
  const head = decode(sent[0]?.["protected"]);
  expect(head).toMatchObject({ alg: "ES256", url: "https://ca.test/account", jwk: { crv: "P-256", kty: "EC" } });
  await client.post("https://ca.test/account/1");
  expect(sent[1]?.["payload"]).toBe("");
  expect(decode(sent[1]?.["protected"])).toMatchObject({ kid: "https://ca.test/account/1" });
  expect(decode(sent[1]?.["protected"])).not.toHaveProperty("jwk");
});

test("a customer's account is bound to it by a mac of the key (RFC 8555 section 7.3.4)", async () => {
  const key = Buffer.from("secret of the customer").toString("base64url");
  const { client, sent } = clientOf(new FakeAuthority({ url: "https://ca.test" }), { kid: "kid-1", key });
  await client.register();
  const { externalAccountBinding: bound } = decode(sent[0]?.["payload"]);
  expect(decode(bound.protected)).toEqual({ alg: "HS256", kid: "kid-1", url: "https://ca.test/account" });
  const mac = createHmac("sha256", "secret of the customer").update(`${bound.protected}.${bound.payload}`);
  expect(bound.signature).toBe(mac.digest("base64url"));
  expect(decode(bound.payload)).toEqual(decode(sent[0]?.["protected"]).jwk);
});

test("a key authorization is the token and the thumbprint of the key (RFC 8555 section 8.1, RFC 7638)", () => {
  // RFC 7517 appendix A.2's EC key; the thumbprint is what openssl's sha256 says of its canonical form.
  const jwk = {
    kty: "EC",
    crv: "P-256",
    x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    d: "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
  };
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  const client = new AcmeClient(
    { directory: "https://ca.test/dir", ca: undefined, binding: undefined },
    { key, kid: undefined },
    [],
  );
  expect(client.keyAuthorization("token")).toBe("token.cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
});

describe("what an authority refuses", () => {
  async function refusedWith(response: Response): Promise<AcmeProblem> {
    const answers = [
      Response.json({ newNonce: "https://ca.test/nonce", newAccount: "https://ca.test/account", newOrder: "" }),
      new Response(null, { headers: { "Replay-Nonce": "n" } }),
      response,
    ];
    const fetch = async () => answers.shift() as Response;
    const at = { directory: "https://ca.test/dir", ca: undefined, binding: undefined };
    const client = new AcmeClient(at, { key: newKey(), kid: undefined }, [], fetch);
    return client.register().then(
      () => Promise.reject(new Error("it was taken")),
      (error: unknown) => error as AcmeProblem,
    );
  }
  const problem = (type: string, headers: Record<string, string> = {}) =>
    new Response(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: "why" }), {
      status: 400,
      headers: { "Content-Type": "application/problem+json", ...headers },
    });

  test("has its kind and its words", async () => {
    expect(await refusedWith(problem("userActionRequired"))).toMatchObject({
      kind: "userActionRequired",
      message: "userActionRequired: why",
      retryAfterMs: 0,
    });
  });

  test("may say when to come again, in seconds or as a date", async () => {
    expect((await refusedWith(problem("rateLimited", { "Retry-After": "120" }))).retryAfterMs).toBe(120_000);
    const at = new Date(Date.now() + 3_600_000).toUTCString();
    const { retryAfterMs } = await refusedWith(problem("rateLimited", { "Retry-After": at }));
    expect(Math.abs(retryAfterMs - 3_600_000)).toBeLessThan(5_000);
    // No authority means a month: a proxy does, or a clock that is not ours.
    for (const long of ["99999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
      expect((await refusedWith(problem("rateLimited", { "Retry-After": long }))).retryAfterMs).toBe(8 * 86_400_000);
    for (const nonsense of ["-5", "soon", ""])
      expect((await refusedWith(problem("rateLimited", { "Retry-After": nonsense }))).retryAfterMs).toBe(0);
  });

  test("may be the page of something that stands before it", async () => {
    const page = new Response("<h1>Bad Gateway</h1>", { status: 502, headers: { "Content-Type": "text/html" } });
    expect(await refusedWith(page)).toMatchObject({ kind: "status 502", message: "502: <h1>Bad Gateway</h1>" });
  });
});

test("an authority that says nonsense for its directory is a problem, not a crash", async () => {
  const at = { directory: "https://ca.test/dir", ca: undefined, binding: undefined };
  for (const text of ["", "<html>", "[]", "null", '"x"', "{}", '{"newNonce":1}']) {
    const client = new AcmeClient(at, { key: newKey(), kid: undefined }, [], async () => new Response(text));
    expect(await client.register().catch((error: unknown) => error)).toBeInstanceOf(AcmeProblem);
  }
});

test("an authority that is busy says when to come again, in place of its directory too", async () => {
  const at = { directory: "https://ca.test/dir", ca: undefined, binding: undefined };
  const busy = async () => new Response("maintenance", { status: 503, headers: { "Retry-After": "600" } });
  const client = new AcmeClient(at, { key: newKey(), kid: undefined }, [], busy);
  const message = "https://ca.test/dir is no directory (RFC 8555): status 503";
  expect(await client.directory().catch((error: unknown) => error)).toMatchObject({ message, retryAfterMs: 600_000 });
});

test("an answer that ends in the middle is one that did not come", async () => {
  const at = { directory: "https://ca.test/dir", ca: undefined, binding: undefined };
  const half = async () => {
    const lost = Object.assign(new Error("the peer is gone; pass verbose for more"), { code: "ECONNRESET" });
    return new Response(new ReadableStream({ pull: (controller) => controller.error(lost) }));
  };
  const client = new AcmeClient(at, { key: newKey(), kid: undefined }, [], half);
  const problem = await client.get("https://ca.test/ari/x").catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(AcmeProblem);
  expect(problem).toMatchObject({ kind: "unreachable", message: "ca.test cannot be reached: ECONNRESET" });
});
