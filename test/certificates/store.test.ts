import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newAuthority, temporaryPair } from "../../src/certificates/local.ts";
import { pairId, Store } from "../../src/certificates/store.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

let folder = "";
let store: Store;
beforeEach(() => {
  folder = makeFolder("store");
  store = new Store(join(folder, "state"));
});
afterEach(() => removeFolder(folder));

const modeOf = (...path: string[]) => statSync(join(folder, "state", ...path)).mode & 0o777;

describe("a pair", () => {
  test("that was kept is there, for its owner alone, and nothing half-written beside it", () => {
    const pair = temporaryPair(["a.test"], Date.now());
    store.keepPair("a.test-1", pair);
    expect(store.pair("a.test-1")).toMatchObject({ cert: pair.cert, key: pair.key });
    expect([modeOf(), modeOf("certificates/a.test-1"), modeOf("certificates/a.test-1/pair.pem")]).toEqual([
      0o700, 0o700, 0o600,
    ]);
    expect(readdirSync(join(folder, "state/certificates/a.test-1"))).toEqual(["pair.pem"]);
  });

  test("that is not there, damaged, or with the key of another is none", () => {
    expect(store.pair("none")).toBeUndefined();
    const [one, other] = [temporaryPair(["a.test"], Date.now()), temporaryPair(["a.test"], Date.now())];
    store.keepPair("mixed", { cert: one.cert, key: other.key });
    expect(store.pair("mixed")).toBeUndefined();
    const path = join(folder, "state/certificates/mixed/pair.pem");
    writeFileSync(path, (one.key + one.cert).slice(0, -60));
    expect(store.pair("mixed")).toBeUndefined();
  });
});

test("an account has one key for each authority, which outlives the server", () => {
  const account = store.account("https://a.test/dir");
  store.keepAccount("https://a.test/dir", { key: account.key, kid: "https://a.test/1" });
  const again = new Store(store.folder).account("https://a.test/dir");
  expect(again.kid).toBe("https://a.test/1");
  expect(again.key.equals(account.key)).toBe(true);
  const other = store.account("https://b.test/dir");
  expect(other.kid).toBeUndefined();
  expect(other.key.equals(account.key)).toBe(false);
  expect(modeOf("accounts", readdirSync(join(store.folder, "accounts"))[0] ?? "")).toBe(0o600);
});

test("the local authority's certificate lies beside it alone, without its key", () => {
  store.keepAuthority(newAuthority(Date.now()));
  expect(readFileSync(join(store.folder, "authority.crt"), "latin1")).not.toContain("KEY");
  expect(store.authority()?.chain[0]?.ca).toBe(true);
});

describe("the lock", () => {
  test("is one server's, and free when it ends", () => {
    const lock = store.lock();
    if (!("release" in lock)) throw new Error(lock.why);
    const why = `the server with pid ${process.pid} has ${store.folder}, and orders for both`;
    expect(store.lock()).toEqual({ why, isHeld: true });
    lock.release();
    expect(store.lock()).toHaveProperty("release");
  });

  test("cannot be had where nothing can be written", () => {
    writeFileSync(join(folder, "file"), "");
    const why = expect.stringContaining(`${folder}/file/state cannot be used: `);
    expect(new Store(join(folder, "file/state")).lock()).toEqual({ why, isHeld: false });
  });
});

test("a site's folder is called after its first name, and is another for other names and authorities", () => {
  const id = pairId(["www.a.test", "a.test"], "https://ca.test/dir");
  expect(id).toMatch(/^www\.a\.test-[0-9a-f]{12}$/);
  expect(pairId(["a.test", "www.a.test"], "https://ca.test/dir").slice(-12)).toBe(id.slice(-12));
  expect(pairId(["www.a.test"], "https://ca.test/dir")).not.toBe(id);
  expect(pairId(["www.a.test", "a.test"], "https://staging.test/dir")).not.toBe(id);
  expect(pairId(["*.a.test"], "")).toMatch(/^_\.a\.test-/);
  expect(pairId(["../../etc/passwd"], "")).not.toContain("/");
});
