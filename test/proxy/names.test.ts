import { expect, test } from "bun:test";
import { hash32 } from "../../src/base/hash.ts";
import { CountSketch, makeCountMemory } from "../../src/exchange/count-sketch.ts";
import { LookupTurns } from "../../src/proxy/lookup-turns.ts";
import { Names } from "../../src/proxy/names.ts";
import { NAME_TTL_MAX_MS, NAME_TTL_MIN_MS } from "../../src/proxy/options.ts";

/** A resolver under control. */
function make(ttlMs = 0) {
  const answers: ({ addresses: string[]; ttlMs: number } | Error)[] = [];
  const told: string[] = [];
  const asked: string[] = [];
  const servers = [
    { address: { kind: "tcp", host: "backend", port: 80 }, weight: 2 },
    { address: { kind: "tcp", host: "192.0.2.1", port: 81 }, weight: 1 },
  ] as const;
  const owner = {
    peersChanged: () => void told.push("changed"),
    nameFailed: (host: string, why: string) => void told.push(`${host} ${why}`),
  };
  const resolve = async (_: string, afresh: boolean) => {
    asked.push(afresh ? "afresh" : "by TTL");
    const answer = answers.shift();
    if (answer === undefined) throw new Error("nobody should ask");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const names = new Names(servers, { keepalive: 0, ttlMs }, owner, resolve);
  const tick = async (nowMs: number, ...next: typeof answers) => {
    answers.push(...next);
    names.tick(nowMs);
    await Bun.sleep(0);
    return names.peers.map(({ name, weight }) => `${name} ${weight}`);
  };
  return { names, told, asked, tick };
}

test("a name is one peer until it is resolved, then each of its addresses is", async () => {
  const { names, told, tick } = make();
  expect(names.peers.map(({ name }) => name)).toEqual(["backend:80", "192.0.2.1:81"]);
  const found = { addresses: ["192.0.2.7", "2001:db8::7"], ttlMs: 60_000 };
  expect(await tick(0, found)).toEqual(["192.0.2.7:80 2", "[2001:db8::7]:80 2", "192.0.2.1:81 1"]);
  expect(told).toEqual(["changed"]);
});

test("it is asked again when its time has passed; a peer that stays is the same", async () => {
  const { names, told, tick } = make();
  await tick(0, { addresses: ["192.0.2.7"], ttlMs: 60_000 });
  const [stays] = names.peers;
  await tick(59_999);
  expect(await tick(60_000, { addresses: ["192.0.2.7", "192.0.2.8"], ttlMs: 60_000 })).toHaveLength(3);
  expect(names.peers[0]).toBe(stays as never);
  await tick(120_000, { addresses: ["192.0.2.7", "192.0.2.8"], ttlMs: 60_000 });
  expect(told).toEqual(["changed", "changed"]);
});

test("a failure keeps what is known, and is tried again soon", async () => {
  const { told, tick } = make();
  await tick(0, { addresses: ["192.0.2.7"], ttlMs: 10_000 });
  expect(await tick(10_000, new Error("ENOTFOUND"))).toEqual(["192.0.2.7:80 2", "192.0.2.1:81 1"]);
  expect(told).toEqual(["changed", "backend ENOTFOUND"]);
  expect(await tick(10_000 + NAME_TTL_MIN_MS, { addresses: [], ttlMs: 0 })).toHaveLength(2);
});

test("a TTL is taken within bounds, or as the configuration says", async () => {
  const short = make();
  await short.tick(0, { addresses: ["192.0.2.7"], ttlMs: 1 });
  await short.tick(NAME_TTL_MIN_MS - 1);
  const long = make();
  await long.tick(0, { addresses: ["192.0.2.7"], ttlMs: Infinity });
  expect(await long.tick(NAME_TTL_MAX_MS, { addresses: ["192.0.2.9"], ttlMs: 0 })).toContain("192.0.2.9:80 2");
  const said = make(1000);
  await said.tick(0, { addresses: ["192.0.2.7"], ttlMs: 60_000 });
  expect(await said.tick(1000, { addresses: ["192.0.2.9"], ttlMs: 60_000 })).toContain("192.0.2.9:80 2");
});

test("where the configuration says how long, what the resolver has kept does not count; nor do bounds", async () => {
  const byTtl = make();
  await byTtl.tick(0, { addresses: ["192.0.2.7"], ttlMs: 1000 });
  expect(byTtl.asked).toEqual(["by TTL"]);
  const hour = 3_600_000;
  const said = make(hour);
  await said.tick(0, { addresses: ["192.0.2.7"], ttlMs: 0 });
  await said.tick(hour - 1);
  await said.tick(hour, { addresses: ["192.0.2.7"], ttlMs: 0 });
  expect(said.asked).toEqual(["afresh", "afresh"]);
});

test("a failure that took long is not tried again at once", async () => {
  const { names, asked, tick } = make(1000);
  names.tick(0);
  names.tick(12_000);
  await Bun.sleep(0);
  await tick(12_000 + NAME_TTL_MIN_MS - 1);
  expect(asked).toHaveLength(1);
  await tick(12_000 + NAME_TTL_MIN_MS);
  expect(asked).toHaveLength(2);
});

test("the C library is asked for one name at a time, in all fronts", async () => {
  const memory = makeCountMemory(2);
  const pending: (() => void)[] = [];
  const resolve = async () => {
    await new Promise<void>((done) => void pending.push(done));
    return { addresses: ["192.0.2.7"], ttlMs: 0 };
  };
  const owner = { peersChanged: () => {}, nameFailed: () => {} };
  const server = (host: string) => ({ address: { kind: "tcp", host, port: 80 }, weight: 1 }) as const;
  const namesOf = (front: number, ...hosts: string[]) => {
    const turns = new LookupTurns(new CountSketch(memory, front));
    return new Names(hosts.map(server), { keepalive: 0, ttlMs: 1000, turns }, owner, resolve);
  };
  const here = namesOf(0, "a", "b");
  here.tick(0);
  expect(pending).toHaveLength(1);
  const there = new CountSketch(memory, 1);
  expect(there.of(hash32("\0lookups"))).toBe(1);
  pending[0]?.();
  await Bun.sleep(0);
  there.add(hash32("\0lookups"), 1);
  here.tick(500);
  expect(pending).toHaveLength(1);
  there.add(hash32("\0lookups"), -1);
  here.tick(1000);
  expect(pending).toHaveLength(2);
  pending[1]?.();
  await Bun.sleep(0);
  expect(there.of(hash32("\0lookups"))).toBe(0);
});
