/** One order, with an authority in memory. With a real one: test/e2e/acme.test.ts. */
import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AcmeProblem } from "../../src/certificates/acme-client.ts";
import { namesOf } from "../../src/certificates/judge.ts";
import type { Challenge } from "../../src/certificates/order.ts";
import { orderAt, type Ordered } from "../../src/certificates/ordering.ts";
import { Store } from "../../src/certificates/store.ts";
import { FakeAuthority, type FakeAuthorityOptions } from "../support/acme.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach(removeFolder));

function newFolder(): string {
  const folder = makeFolder("ordering");
  folders.push(folder);
  return folder;
}

function stage(options: Partial<FakeAuthorityOptions> = {}, wanted: Partial<Ordered> = {}) {
  const folder = newFolder();
  const shown: Challenge[] = [];
  const open = new Set<string>();
  const said: string[] = [];
  const authority = new FakeAuthority({
    url: "https://ca.test",
    // What is asked for must be shown at that moment.
    validate: async (kind, name) => (open.has(`${kind} ${name}`) ? undefined : `nothing at ${name}`),
    ...options,
  });
  const ordered: Ordered = {
    authority: { directory: authority.directory, ca: undefined, binding: undefined },
    names: ["a.test", "b.test"],
    kinds: ["http-01", "tls-alpn-01"],
    contact: ["ops@example.org"],
    profile: undefined,
    dnsHook: undefined,
    replaces: undefined,
    ...wanted,
  };
  const context = {
    store: new Store(join(folder, "state")),
    show: async (challenge: Challenge) => {
      shown.push(challenge);
      open.add(`${challenge.kind} ${challenge.name}`);
      return () => void open.delete(`${challenge.kind} ${challenge.name}`);
    },
    say: (_: string, text: string) => void said.push(text),
    fetch: authority.fetch,
    sleep: async () => {},
  };
  return { authority, folder, shown, open, said, context, order: () => orderAt(ordered, context) };
}

async function problemOf(order: Promise<unknown>): Promise<AcmeProblem> {
  const problem = await order.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(problem).toBeInstanceOf(AcmeProblem);
  return problem as AcmeProblem;
}

test("a certificate for all names is had by answers that are shown together and taken away", async () => {
  const { order, shown, open, authority } = stage();
  const { chain } = await order();
  expect(chain.map(namesOf)).toEqual([["a.test", "b.test"], []]);
  expect(shown.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["http-01 a.test", "http-01 b.test"]);
  expect(open.size).toBe(0);
  const identifiers = ["a.test", "b.test"].map((value) => ({ type: "dns", value }));
  expect(authority.orders).toEqual([{ identifiers }]);
});

test("addresses, a profile and what it replaces are told to the authority", async () => {
  const names = ["192.0.2.7", "[2001:db8::1]"];
  const { order, authority } = stage(
    { profiles: { shortlived: "" } },
    { names, profile: "shortlived", replaces: "x.y" },
  );
  const { chain } = await order();
  expect(chain[0]?.checkIP("192.0.2.7")).toBe("192.0.2.7");
  const identifiers = ["192.0.2.7", "2001:db8::1"].map((value) => ({ type: "ip", value }));
  expect(authority.orders).toEqual([{ identifiers, profile: "shortlived", replaces: "x.y" }]);
});

test("an account is made once and kept, for its owner alone", async () => {
  const { order, context, authority } = stage();
  await order();
  expect(context.store.account(authority.directory).kid).toBe("https://ca.test/account/1");
  await order();
  expect(context.store.account(authority.directory).kid).toBe("https://ca.test/account/1");
});

test("an account that the authority has forgotten is made anew", async () => {
  const { order, authority, context, said } = stage();
  await order();
  const { key } = context.store.account(authority.directory);
  authority.forgetAccounts();
  await order();
  expect(said).toEqual(["ca.test does not know the account any more; another is made"]);
  expect(context.store.account(authority.directory).key.equals(key)).toBe(true);
});

test("sites that begin together have one account", async () => {
  const { order, authority } = stage();
  await Promise.all([order(), order(), order()]);
  expect([authority.orders.length, authority.accountsMade]).toEqual([3, 1]);
  authority.forgetAccounts();
  await order();
  expect(authority.accountsMade).toBe(1);
});

test("an account that was closed is never used again, nor is its key", async () => {
  const { order, authority, context, said } = stage();
  await order();
  const { key } = context.store.account(authority.directory);
  authority.closeAccounts();
  expect((await order()).chain).toHaveLength(2);
  expect(said).toEqual(["ca.test has closed the account; another is made"]);
  const kept = new Store(context.store.folder).account(authority.directory);
  expect([kept.kid, kept.key.equals(key)]).toEqual(["https://ca.test/account/2", false]);
});

test("an account that cannot be kept is good for as long as the server lives", async () => {
  const { order, folder, said, authority } = stage();
  writeFileSync(join(folder, "state"), "no folder");
  expect((await order()).chain).toHaveLength(2);
  expect(said.join()).toStartWith("the account at ca.test cannot be kept: ");
  await order();
  expect([authority.accountsMade, said.length]).toEqual([1, 1]);
});

describe("what goes wrong is said in the authority's words", () => {
  test("with the name and the way that it was to be proved", async () => {
    const { order, open } = stage({ validate: async (_, name) => (name === "b.test" ? "it said 404" : undefined) });
    expect((await problemOf(order())).message).toBe("b.test (http-01): it said 404");
    expect(open.size).toBe(0);
  });

  test("when the order becomes invalid", async () => {
    const { order, authority } = stage();
    authority.misbehaviour.invalid = true;
    expect(await problemOf(order())).toMatchObject({ kind: "invalid", message: "caa: lookup failed" });
  });

  test("when it limits, with the time after which it is asked again", async () => {
    const { order, authority } = stage();
    authority.misbehaviour.limitedForS = 3600;
    expect(await problemOf(order())).toMatchObject({ kind: "rateLimited", retryAfterMs: 3_600_000 });
  });

  test("when nobody is there", async () => {
    const { order, authority } = stage();
    authority.misbehaviour.down = true;
    expect(await problemOf(order())).toMatchObject({ kind: "unreachable" });
  });

  test("when it offers no way that the site can go", async () => {
    const { order } = stage({ kinds: ["dns-01"] });
    expect((await problemOf(order())).message).toContain("the authority offers dns-01, which this site cannot answer");
  });

  test("when it knows no such profile", async () => {
    const { order } = stage({}, { profile: "forever" });
    expect((await problemOf(order())).message).toBe("invalidProfile: no profile forever");
  });
});

test("nonces that are refused are replaced, up to a bound", async () => {
  const { order, authority } = stage();
  authority.misbehaviour.badNonces = 7;
  expect((await order()).chain).toHaveLength(2);
  authority.misbehaviour.badNonces = 100;
  expect((await problemOf(order())).kind).toBe("badNonce");
});

test("a wildcard and its name are proved by a command that changes the zone, with both records there at once", async () => {
  const zone = newFolder();
  const script = `#!/bin/sh
echo "$1 $2" >> ${zone}/calls
[ "$1" = present ] && touch ${zone}/"$3" || rm ${zone}/"$3"
`;
  writeFileSync(join(zone, "hook"), script, { mode: 0o755 });
  const { order, shown } = stage(
    { validate: async () => (readdirSync(zone).length === 4 ? undefined : "both should be there") },
    {
      names: ["a.test", "*.a.test"],
      kinds: ["dns-01"],
      dnsHook: { command: [join(zone, "hook")], waitMs: 0, servers: [] },
    },
  );
  const { chain } = await order();
  expect(chain.map(namesOf)[0]).toEqual(["a.test", "*.a.test"]);
  expect(shown).toEqual([]);
  const [present, cleanup] = ["present _acme-challenge.a.test.", "cleanup _acme-challenge.a.test."];
  expect(readFileSync(join(zone, "calls"), "utf8").trim().split("\n")).toEqual([present, present, cleanup, cleanup]);
  expect(readdirSync(zone)).toHaveLength(2);
});
