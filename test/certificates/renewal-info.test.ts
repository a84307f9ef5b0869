import { expect, test } from "bun:test";
import { AcmeClient } from "../../src/certificates/acme-client.ts";
import { internalPair, newAuthority } from "../../src/certificates/local.ts";
import { newKey } from "../../src/certificates/make.ts";
import { renewalId } from "../../src/certificates/order.ts";
import { askRenewalInfo } from "../../src/certificates/renewal-info.ts";
import { FakeAuthority } from "../support/acme.ts";

const HOUR_MS = 3_600_000;
const { cert } = internalPair(["a.test"], newAuthority(Date.now()), Date.now());

function ask(...authorities: FakeAuthority[]) {
  const clients = authorities.map(({ directory, fetch }) => {
    const account = { key: newKey(), kid: undefined };
    return new AcmeClient({ directory, ca: undefined, binding: undefined }, account, [], fetch);
  });
  return askRenewalInfo(clients, cert);
}

test("the window is the authority's, and it is asked again when it says", async () => {
  const authority = new FakeAuthority({ url: "https://ca.test" });
  authority.window = { start: "2030-01-02T04:00:00Z", end: "2030-01-03T04:00:00Z" };
  const window = { fromMs: Date.UTC(2030, 0, 2, 4), toMs: Date.UTC(2030, 0, 3, 4) };
  expect(await ask(authority)).toEqual({ window, explanation: "", askAgainMs: 6 * HOUR_MS });
  authority.windowExplanation = "https://ca.test/why";
  expect((await ask(authority)).explanation).toBe("https://ca.test/why");
  expect(authority.windowsAsked).toEqual([renewalId(cert) ?? "", renewalId(cert) ?? ""]);
});

test("Retry-After is kept between a minute and a day (RFC 9773 section 4.3.3)", async () => {
  const authority = new FakeAuthority({ url: "https://ca.test" });
  authority.window = { start: "2030-01-02T04:00:00Z", end: "2030-01-03T04:00:00Z" };
  for (const [seconds, ms] of [
    [1, 60_000],
    [7200, 2 * HOUR_MS],
    [1e9, 24 * HOUR_MS],
  ] as const) {
    authority.windowRetryAfterS = seconds;
    expect((await ask(authority)).askAgainMs).toBe(ms);
  }
});

test("an authority without an opinion, with a mad one, or away, has none", async () => {
  const authority = new FakeAuthority({ url: "https://ca.test" });
  expect(await ask(authority)).toEqual({ window: undefined, explanation: "", askAgainMs: 6 * HOUR_MS });
  authority.window = { start: "2030-01-03T04:00:00Z", end: "2030-01-02T04:00:00Z" };
  expect((await ask(authority)).window).toBeUndefined();
  // Section 4.2: it must end after it begins.
  authority.window = { start: "2030-01-03T04:00:00Z", end: "2030-01-03T04:00:00Z" };
  expect((await ask(authority)).window).toBeUndefined();
  authority.window = { start: "soon", end: "later" };
  expect((await ask(authority)).window).toBeUndefined();
  authority.misbehaviour.down = true;
  expect(await ask(authority)).toEqual({ window: undefined, explanation: "", askAgainMs: 6 * HOUR_MS });
});

test("of two authorities that may have signed it, the one that knows it has the word", async () => {
  const [first, second] = [
    new FakeAuthority({ url: "https://ca.test" }),
    new FakeAuthority({ url: "https://other.test" }),
  ];
  second.window = { start: "2030-01-02T04:00:00Z", end: "2030-01-03T04:00:00Z" };
  expect((await ask(first, second)).window?.fromMs).toBe(Date.UTC(2030, 0, 2, 4));
  expect([first.windowsAsked.length, second.windowsAsked.length]).toEqual([1, 1]);
  first.window = { start: "2030-02-02T04:00:00Z", end: "2030-02-03T04:00:00Z" };
  expect((await ask(first, second)).window?.fromMs).toBe(Date.UTC(2030, 1, 2, 4));
  expect(second.windowsAsked).toHaveLength(1);
});
