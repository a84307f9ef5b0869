import { expect, test } from "bun:test";
import { internalPair, newAuthority, temporaryPair } from "../../src/certificates/local.ts";
import { namesOf } from "../../src/certificates/judge.ts";

const NOW = Date.UTC(2030, 0, 1);
const DAY_MS = 86_400_000;
const NAMES = ["a.test", "*.a.test", "192.0.2.7", "[2001:db8::1]"];

test("a temporary certificate signs itself, names all hosts, and says what it is", () => {
  const { chain } = temporaryPair(NAMES, NOW);
  const [leaf] = chain;
  expect(chain).toHaveLength(1);
  expect(leaf?.subject).toBe("CN=temporary certificate of a.test");
  expect(leaf !== undefined && leaf.verify(leaf.publicKey)).toBe(true);
  expect(leaf === undefined ? [] : namesOf(leaf)).toEqual(["a.test", "*.a.test", "192.0.2.7", "2001:db8:0:0:0:0:0:1"]);
});

test("an internal one is signed by the local authority, which follows it, and lasts two weeks", () => {
  const authority = newAuthority(NOW);
  const { chain, key } = internalPair(NAMES, authority, NOW);
  const [leaf, root] = chain;
  expect(root?.subject).toBe("CN=server local authority 2030");
  expect(root?.ca).toBe(true);
  expect(leaf?.ca).toBe(false);
  expect(root !== undefined && leaf?.checkIssued(root) === true && leaf.verify(root.publicKey)).toBe(true);
  expect(key).not.toBe(authority.key);
  expect((leaf?.validToDate.getTime() ?? 0) - NOW).toBe(14 * DAY_MS);
  expect((leaf?.validFromDate.getTime() ?? 0) < NOW).toBe(true);
});

test("a long name is cut in the subject, where nobody looks, and not among the names", () => {
  const name = `${"a".repeat(60)}.${"b".repeat(60)}.test`;
  const [leaf] = temporaryPair([name], NOW).chain;
  expect(leaf?.subject.length).toBe("CN=".length + 64);
  expect(leaf?.checkHost(name)).toBe(name);
});
