import { afterAll, beforeAll, expect, test } from "bun:test";
import { makeResolver, type Resolver } from "../../src/certificates/resolver.ts";
import { type NameServer, startNameServer } from "../support/dns.ts";

let names: NameServer;
let resolver: Resolver;

beforeAll(async () => {
  names = await startNameServer({
    "a.test A": ["192.0.2.1", "192.0.2.2"],
    "a.test AAAA": ["2001:db8::1"],
    "a.test CAA": ["0 issue ca.test", "128 issuewild ;"],
    "a.test NS": ["ns.a.test"],
    "_acme-challenge.a.test TXT": ["one", "two"],
    "www.a.test CNAME": ["a.test"],
    "broken.test *": [],
  });
  resolver = makeResolver([names.address]);
});
afterAll(() => names.stop());

test("answers come as text", async () => {
  expect(await resolver.addresses("a.test")).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  expect(await resolver.txt("_acme-challenge.a.test")).toEqual(["one", "two"]);
  expect(await resolver.nameServers("a.test")).toEqual(["ns.a.test"]);
  expect(await resolver.cname("www.a.test")).toBe("a.test");
  expect(await resolver.caa("a.test")).toEqual([
    { tag: "issue", value: "ca.test" },
    { tag: "issuewild", value: ";" },
  ]);
});

test("an address is its own", async () => {
  expect(await resolver.addresses("192.0.2.9")).toEqual(["192.0.2.9"]);
});

test("nothing is an empty list, be the name there or not", async () => {
  for (const name of ["a.test", "b.test"]) expect(await resolver.txt(name)).toEqual([]);
  expect(await resolver.addresses("b.test")).toEqual([]);
  expect(await resolver.cname("a.test")).toBeUndefined();
});

test("a server that fails is no server that says there is nothing", async () => {
  expect(resolver.caa("broken.test")).rejects.toThrow(/^CAA of broken\.test cannot be asked: the name server fails/);
});
