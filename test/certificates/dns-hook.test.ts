import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AcmeProblem } from "../../src/certificates/acme-client.ts";
import { isSeen, presentRecord, recordOf, zoneServers } from "../../src/certificates/dns-hook.ts";
import type { Challenge } from "../../src/certificates/order.ts";
import { makeResolver } from "../../src/certificates/resolver.ts";
import { type NameServer, startNameServer } from "../support/dns.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { processAt } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const folder = makeFolder("dns-hook");
// RFC 8555 section 8.4: the digest of the key authorization, in base64url.
const CHALLENGE: Challenge = { kind: "dns-01", name: "a.test", token: "t", keyAuthorization: "t.thumbprint" };
const RECORD = recordOf(CHALLENGE);
let names: NameServer;

beforeAll(async () => (names = await startNameServer({})));
afterAll(() => {
  names.stop();
  removeFolder(folder);
});

function hook(script: string, waitMs = 0) {
  const path = join(folder, "hook");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { command: [path, "--zone", "a"], waitMs, servers: [names.address] };
}

function context() {
  const said: string[] = [];
  const slept: number[] = [];
  const sleep = async (ms: number) => void slept.push(ms);
  return { said, slept, sleep, say: (text: string) => void said.push(text) };
}

test("a record has its name below the host, of a wildcard below its base, and a digest", () => {
  expect(RECORD.name).toBe("_acme-challenge.a.test.");
  expect(RECORD.value).toMatch(/^[\w-]{43}$/);
  expect(recordOf({ name: "*.a.test", keyAuthorization: "t.thumbprint" })).toEqual(RECORD);
});

test("the command is called to put it there and to take it away", async () => {
  const at = join(folder, "calls");
  const remove = await presentRecord(hook(`echo "$@" >> ${at}`), CHALLENGE, context());
  await remove();
  const call = (action: string) => `--zone a ${action} _acme-challenge.a.test. ${RECORD.value}\n`;
  expect(readFileSync(at, "utf8")).toBe(call("present") + call("cleanup"));
});

describe("what a command does wrong is said", () => {
  test("when it fails, with its words", async () => {
    const problem = presentRecord(hook("echo no such zone >&2; exit 3"), CHALLENGE, context());
    expect(problem).rejects.toThrow(AcmeProblem);
    expect(problem).rejects.toThrow(/^dns_hook: .*hook --zone a present .*: it exited with code 3: no such zone$/);
  });

  test("after it was called to take away what it may have done", async () => {
    const at = join(folder, "calls-after-failure");
    const script = `echo "$3" >> ${at}; [ "$3" = cleanup ]`;
    expect(presentRecord(hook(script), CHALLENGE, context())).rejects.toThrow(AcmeProblem);
    await until("cleanup", 5000, () => existsSync(at) && readFileSync(at, "utf8") === "present\ncleanup\n");
  });

  test("when it does not end, and what it has started ends with it", async () => {
    const at = join(folder, "calls-after-timeout");
    const script = `echo "$3" >> ${at}; [ "$3" = cleanup ] && exit; sleep 9876 & echo $! >> ${at}; wait`;
    const problem = presentRecord(hook(script), CHALLENGE, { ...context(), hookMsMax: 3000 });
    expect(problem).rejects.toThrow(/ present .*: it did not end within 3 s$/);
    await problem.catch(() => {});
    const [, sleeper, last] = readFileSync(at, "utf8").trim().split("\n");
    expect(last).toBe("cleanup");
    await until("end of the sleeper", 5000, () => (processAt(Number(sleeper))?.state ?? "Z") === "Z");
  });

  test("by the end of its words, however many there are", async () => {
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    const script = "[ $3 = cleanup ] && exit; head -c 200000000 /dev/zero | tr '\\0' x; echo the end; exit 1";
    await expect(presentRecord(hook(script), CHALLENGE, context())).rejects.toThrow(/code 1: x+the end$/);
    // What came by is garbage: what is held counts.
    Bun.gc(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test("without waiting for what it has left behind", async () => {
    const sinceMs = performance.now();
    const at = join(folder, "left");
    const script = `sleep 20 & echo $! > ${at}; echo left it; exit 1`;
    await expect(presentRecord(hook(script), CHALLENGE, context())).rejects.toThrow(/code 1: left it$/);
    expect(performance.now() - sinceMs).toBeLessThan(10_000);
    process.kill(Number(readFileSync(at, "utf8")));
  });

  test("when it is gone", async () => {
    const problem = presentRecord({ ...hook(""), command: [join(folder, "gone")] }, CHALLENGE, context());
    expect(problem).rejects.toThrow(/it cannot be run: /);
  });

  test("when it cannot take the record away, which fails nothing", async () => {
    const { said, ...rest } = context();
    await (
      await presentRecord(hook('[ "$1$3" = --zonepresent ]'), CHALLENGE, rest)
    )();
    expect(said.join()).toMatch(/cleanup _acme-challenge\.a\.test\.: it exited with code 1$/);
  });
});

describe("the authority is called", () => {
  test("when the name servers show the record", async () => {
    const { slept, said, sleep, say } = context();
    let asked = 0;
    const seen = async () => ++asked === 3;
    await presentRecord(hook("", 60_000), CHALLENGE, { sleep, say, seen });
    expect([slept, said]).toEqual([[2000, 2000], []]);
  });

  test("when that takes too long, with a word to the log", async () => {
    const { slept, said, sleep, say } = context();
    await presentRecord(hook("", 5000), CHALLENGE, { sleep, say, seen: async () => false });
    expect(slept).toEqual([2000, 2000, 1000]);
    expect(said.join()).toBe(
      "_acme-challenge.a.test. is not seen by all name servers after 5 s; the authority is called",
    );
  });

  test("at once where nothing is waited for", async () => {
    const { said, sleep, say } = context();
    await presentRecord(hook("", 0), CHALLENGE, { sleep, say, seen: async () => Promise.reject(new Error("asked")) });
    expect(said).toEqual([]);
  });
});

test("a record is seen when all name servers that answer show it", async () => {
  const other = await startNameServer({});
  const [name, both] = [`${RECORD.name.slice(0, -1)} TXT`, [names.address, other.address]];
  expect(await isSeen(RECORD, both)).toBe(false);
  names.zone[name] = ["other", RECORD.value];
  expect([await isSeen(RECORD, [names.address]), await isSeen(RECORD, both)]).toEqual([true, false]);
  other.zone[name] = [RECORD.value];
  expect(await isSeen(RECORD, both)).toBe(true);
  other.zone[`${RECORD.name.slice(0, -1)} *`] = [];
  expect(await isSeen(RECORD, both)).toBe(true);
  other.stop();
});

test("the name servers of a record are those of its zone, which a CNAME may have moved", async () => {
  const system = await startNameServer({
    "_acme-challenge.a.test CNAME": ["x.proof.test"],
    "proof.test NS": ["ns1.test", "ns2.test"],
    "ns1.test A": ["192.0.2.1"],
    "ns2.test AAAA": ["2001:db8::2"],
    "test NS": ["wrong.test"],
  });
  const asked: (readonly string[])[] = [];
  const make = (servers: readonly string[]) => {
    asked.push(servers);
    return makeResolver(servers);
  };
  await zoneServers(RECORD.name, makeResolver([system.address]), make);
  expect(asked).toEqual([["192.0.2.1"], ["2001:db8::2"]]);
  system.stop();
});
