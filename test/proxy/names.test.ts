import { expect, test } from "bun:test";
import { Names } from "../../src/proxy/names.ts";
import { NAME_TTL_MAX_MS, NAME_TTL_MIN_MS } from "../../src/proxy/options.ts";

/** A resolver under control. */
function make(ttlMs = 0) {
  const answers: ({ addresses: string[]; ttlMs: number } | Error)[] = [];
  const told: string[] = [];
  const servers = [
    { address: { kind: "tcp", host: "backend", port: 80 }, weight: 2 },
    { address: { kind: "tcp", host: "192.0.2.1", port: 81 }, weight: 1 },
  ] as const;
  const owner = {
    peersChanged: () => void told.push("changed"),
    nameFailed: (host: string, why: string) => void told.push(`${host} ${why}`),
  };
  const resolve = async () => {
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
  return { names, told, tick };
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
