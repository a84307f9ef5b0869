/** One site through years of certificates, with a clock of its own and authorities in memory. The job's timers are not waited for: `renew` and a new server's first look are what they would do. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../src/base/log.ts";
import type { IssuerOptions, Wanted } from "../../src/certificates/issue-job.ts";
import { Issuer } from "../../src/certificates/issuer.ts";
import { Store } from "../../src/certificates/store.ts";
import { FakeAuthority, type FakeAuthorityOptions } from "../support/acme.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WAIT_MS = 20_000;
const DIRECTORY = "https://first.test/dir";
const WANTED: Wanted = {
  names: ["a.test"],
  kind: "auto",
  challenges: ["http-01", "tls-alpn-01"],
  directory: DIRECTORY,
};
const LEVELS = ["debug", "info", "notice", "warn", "error", "crit"] as const;

const ended: (() => void)[] = [];
afterEach(() => ended.splice(0).forEach((end) => end()));

interface StageOptions extends Partial<FakeAuthorityOptions> {
  readonly hasSecond?: boolean;
  readonly hasStaging?: boolean;
}

function stage({ hasSecond = false, hasStaging = false, ...more }: StageOptions = {}) {
  const folder = makeFolder("issue-job");
  const clock = { ms: Date.now() };
  const ticks = { ms: 1000 };
  const lines: string[] = [];
  const shownBy: string[] = [];
  const authorityAt = (name: string) =>
    new FakeAuthority({
      url: `https://${name}.test`,
      now: () => clock.ms,
      validate: async (kind) => void shownBy.push(kind),
      ...more,
    });
  const all = { first: authorityAt("first"), second: authorityAt("second"), staging: authorityAt("staging") };
  const of = ({ directory }: FakeAuthority) => ({ directory, ca: undefined, binding: undefined });
  const options: IssuerOptions = {
    authority: of(all.first),
    second: hasSecond ? of(all.second) : undefined,
    staging: hasStaging ? of(all.staging) : undefined,
    contact: [],
    profile: undefined,
    dnsHook: undefined,
  };
  const write = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const log = { level: "info", ...Object.fromEntries(LEVELS.map((level) => [level, write(level)])) } as unknown as Log;
  /** As after a restart: what is kept is all that it knows. */
  const serve = () => {
    const issuer = new Issuer(options, {
      log,
      store: new Store(join(folder, "state")),
      show: async () => () => {},
      changed: () => {},
      now: () => clock.ms,
      ticks: () => ticks.ms,
      sleep: async () => {},
      fetch: (url, init) =>
        (all[new URL(url).hostname.split(".")[0] as keyof typeof all] as FakeAuthority).fetch(url, init),
    });
    issuer.state(WANTED);
    issuer.start([WANTED], options);
    ended.push(() => issuer.stop());
    return {
      stop: () => issuer.stop(),
      /** A look at the clock, as its timer has it. */
      look: async () => {
        issuer.stop();
        issuer.start([WANTED], options);
        await Bun.sleep(30);
      },
      state: () => issuer.state(WANTED),
      renew: () => issuer.renew(WANTED),
      rehearse: () => issuer.rehearse(WANTED),
      has: (source: string) => until(source, WAIT_MS, () => issuer.state(WANTED).source === source),
      failed: (times: number) => until(`${times} failures`, WAIT_MS, () => issuer.state(WANTED).failures === times),
    };
  };
  ended.push(() => removeFolder(folder));
  return { folder, clock, ticks, lines, shownBy, serve, ...all };
}

const endOf = (server: ReturnType<ReturnType<typeof stage>["serve"]>) =>
  server.state().pair.chain[0]?.validToDate.getTime() ?? 0;

test("an authority that is down at the start is asked again, and the certificate comes when it is back", async () => {
  const { serve, first, lines } = stage();
  first.misbehaviour.down = true;
  const server = serve();
  await server.failed(1);
  expect(server.state().source).toBe("temporary");
  expect(lines.join("\n")).toMatch(/error a\.test: no certificate could be had: first\.test cannot be reached/);
  const { nextMs = 0 } = server.state();
  expect(nextMs).toBeGreaterThan(Date.now() + 60_000);
  first.misbehaviour.down = false;
  expect(await server.renew()).toBeUndefined();
  expect(server.state()).toMatchObject({ source: "auto", problem: undefined, failures: 0 });
});

test("an authority that is down from the renewal to the end costs the old certificate nothing until then", async () => {
  const { serve, first, clock, lines } = stage();
  const server = serve();
  await server.has("auto");
  const { cert } = server.state().pair;
  first.misbehaviour.down = true;
  // 90 days: renewed with 30 left; pressing with 15.
  for (const [day, level] of [
    [61, "warn"],
    [74, "warn"],
    [80, "error"],
    [89, "error"],
  ] as const) {
    clock.ms = endOf(server) - (90 - day) * DAY_MS;
    expect(await server.renew()).toContain("cannot be reached");
    expect(lines.at(-1)).toStartWith(`${level} a.test: no new certificate could be had`);
    expect(server.state()).toMatchObject({ source: "auto", pair: { cert } });
  }
  clock.ms = endOf(server) + HOUR_MS;
  await server.renew();
  // Browsers refuse both; what says why is shown.
  expect(server.state().source).toBe("temporary");
  expect(endOf(server)).toBeGreaterThan(clock.ms);
  first.misbehaviour.down = false;
  expect(await server.renew()).toBeUndefined();
  expect(server.state()).toMatchObject({ source: "auto", failures: 0 });
});

describe("an authority that limits us", () => {
  test("is left alone as long as it says", async () => {
    const { serve, first, clock, ticks } = stage();
    first.misbehaviour.limitedForS = 7 * 86_400;
    const server = serve();
    await server.failed(1);
    const wait = (server.state().nextMs ?? 0) - Date.now();
    expect(wait).toBeGreaterThan(6.9 * DAY_MS);
    expect(server.state().problem).toMatch(/rateLimited: too many certificates; tried again in 100\d\d min/);
    // However often the clock is looked at, and wherever somebody sets it.
    await server.look();
    ticks.ms += 6.9 * DAY_MS;
    await server.look();
    clock.ms += 30 * DAY_MS;
    await server.look();
    // What is shown meanwhile is not over.
    expect(endOf(server)).toBeGreaterThan(clock.ms);
    expect(first.ordersAsked).toBe(1);
    first.misbehaviour.limitedForS = undefined;
    ticks.ms += DAY_MS;
    await server.look();
    await server.has("auto");
  });

  test("for hours, then for a minute, is left alone for the hours; until an order goes well", async () => {
    const { serve, first, clock } = stage();
    const waitMs = () => (server.state().nextMs ?? 0) - clock.ms;
    first.misbehaviour.limitedForS = 86_400;
    const server = serve();
    await server.failed(1);
    first.misbehaviour.limitedForS = 60;
    await server.renew();
    expect(waitMs()).toBeGreaterThan(0.9 * DAY_MS);
    first.misbehaviour.limitedForS = undefined;
    expect(await server.renew()).toBeUndefined();
    clock.ms = endOf(server) - HOUR_MS;
    first.misbehaviour.invalid = true;
    await server.look();
    await server.failed(1);
    expect(waitMs()).toBeLessThan(HOUR_MS);
  });

  test("gives its place to the second one", async () => {
    const { serve, first, second } = stage({ hasSecond: true });
    first.misbehaviour.limitedForS = 7 * 86_400;
    const server = serve();
    await server.failed(1);
    expect((server.state().nextMs ?? 0) - Date.now()).toBeLessThan(4 * 60_000);
    expect(await server.renew()).toBeUndefined();
    expect([first.orders.length, second.orders.length]).toEqual([0, 1]);
  });
});

describe("after a failure it is tried out first", () => {
  test("and what fails there does not cost an order", async () => {
    const { serve, first, staging } = stage({ hasStaging: true });
    first.misbehaviour.invalid = staging.misbehaviour.invalid = true;
    const server = serve();
    await server.failed(1);
    await server.renew();
    expect([first.orders.length, staging.orders.length]).toEqual([1, 1]);
    first.misbehaviour.invalid = staging.misbehaviour.invalid = false;
    expect(await server.renew()).toBeUndefined();
    expect([first.orders.length, staging.orders.length]).toEqual([2, 2]);
  });

  test("unless nobody is there to rehearse with", async () => {
    const { serve, first, staging, lines } = stage({ hasStaging: true });
    first.misbehaviour.invalid = true;
    const server = serve();
    await server.failed(1);
    first.misbehaviour.invalid = false;
    staging.misbehaviour.down = true;
    expect(await server.renew()).toBeUndefined();
    expect(lines.join("\n")).toContain("it does not show: staging.test cannot be reached");
  });

  test("in another way of proof", async () => {
    const { serve, first, shownBy } = stage();
    first.misbehaviour.invalid = true;
    const server = serve();
    await server.failed(1);
    await server.renew();
    expect(shownBy).toEqual(["http-01", "tls-alpn-01"]);
  });
});

test("`rehearse` orders where it costs nothing, and shows nothing of it", async () => {
  const { serve, first, staging } = stage({ hasStaging: true });
  const server = serve();
  await server.has("auto");
  const { cert } = server.state().pair;
  expect((await server.rehearse())?.cert).not.toBe(cert);
  expect(server.state().pair.cert).toBe(cert);
  expect([first.orders.length, staging.orders.length]).toEqual([1, 1]);
  // What is replaced is said to whom it concerns (RFC 9773 section 5), and once.
  expect(staging.orders[0]).not.toHaveProperty("replaces");
  const without = stage().serve();
  expect(await without.rehearse()).toBeUndefined();
});

describe("when it is renewed", () => {
  test("is in the window that the authority gave last, also while it is away; and its reason is told", async () => {
    const { serve, first, clock, ticks, lines } = stage();
    const server = serve();
    await server.has("auto");
    const start = Math.ceil(clock.ms / 1000) * 1000 + 2 * DAY_MS;
    first.window = { start: new Date(start).toISOString(), end: new Date(start + 2).toISOString() };
    const isWithin = (ms: number | undefined) => ms !== undefined && ms >= start && ms <= start + 2;
    first.windowExplanation = "https://ca.test/why";
    server.stop();
    clock.ms += HOUR_MS;
    const again = serve();
    await until("question about the window", WAIT_MS, () => isWithin(again.state().nextMs));
    expect(lines.filter((line) => line.endsWith(" on: https://ca.test/why"))).toHaveLength(1);
    first.misbehaviour.down = true;
    clock.ms += DAY_MS;
    ticks.ms += DAY_MS;
    await again.look();
    expect(isWithin(again.state().nextMs)).toBe(true);
  });

  test("is asked for every few hours, wherever somebody sets the clock", async () => {
    const { serve, first, clock, ticks } = stage();
    const server = serve();
    await server.has("auto");
    const asked = first.windowsAsked.length;
    const realMs = clock.ms;
    clock.ms += 20 * DAY_MS;
    ticks.ms += 7 * HOUR_MS;
    await server.look();
    clock.ms = realMs;
    ticks.ms += 7 * HOUR_MS;
    await server.look();
    expect(first.windowsAsked.length - asked).toBe(2);
  });

  test("is in the window of the authority, which is told what is replaced", async () => {
    const { serve, first, clock } = stage();
    const server = serve();
    await server.has("auto");
    // Revoked, say.
    first.window = {
      start: new Date(clock.ms - DAY_MS).toISOString(),
      end: new Date(clock.ms - HOUR_MS).toISOString(),
    };
    clock.ms += 7 * HOUR_MS;
    server.stop();
    const again = serve();
    await until("renewal", WAIT_MS, () => first.orders.length === 2);
    expect(first.orders[1]?.["replaces"]).toBe(first.windowsAsked[0]);
    // The window goes on to be over: that is no reason to order again and again.
    await again.failed(1);
    expect(again.state().problem).toContain(
      "to be renewed at once by this machine's clock, or by its authority's word",
    );
    expect((again.state().nextMs ?? 0) - clock.ms).toBeGreaterThan(60_000);
  });

  test("survives a clock that jumps: a certificate that is over when it comes is no reason to hurry", async () => {
    const { serve, first, clock } = stage({ now: () => realMs });
    const realMs = clock.ms;
    clock.ms += 10 * 365 * DAY_MS;
    const server = serve();
    await server.failed(1);
    expect(first.orders).toHaveLength(1);
    expect(server.state().problem).toContain("is the clock right?");
    clock.ms = realMs;
    expect(await server.renew()).toBeUndefined();
    expect(server.state()).toMatchObject({ source: "auto", failures: 0 });
  });

  test("may be now, if somebody wants it", async () => {
    const { serve, first } = stage();
    const server = serve();
    await server.has("auto");
    const { cert } = server.state().pair;
    expect(await server.renew()).toBeUndefined();
    expect(server.state().pair.cert).not.toBe(cert);
    expect(first.orders).toHaveLength(2);
  });

  test("may be now, which changes nothing for what is not due when it fails; and it is said when that is", async () => {
    const { serve, first, ticks } = stage();
    const server = serve();
    await server.has("auto");
    await server.look();
    const dueMs = server.state().nextMs ?? 0;
    first.misbehaviour.invalid = true;
    const day = new Date(dueMs).toISOString().slice(0, 16);
    expect(await server.renew()).toBe(
      `no new certificate could be had: caa: lookup failed; tried again when it is due, ${day}Z`,
    );
    for (const ms of [0, 60_000, DAY_MS]) {
      ticks.ms += ms;
      await server.look();
      expect(server.state().nextMs).toBeWithin(dueMs - 1, dueMs + 2);
    }
    expect(first.orders).toHaveLength(2);
  });

  test("may be wanted by two at once, who get one order", async () => {
    const { serve, first } = stage();
    const server = serve();
    await server.has("auto");
    expect(await Promise.all([server.renew(), server.renew()])).toEqual([undefined, undefined]);
    await server.look();
    expect(first.orders).toHaveLength(2);
  });
});

describe("what cannot be kept", () => {
  test("is shown all the same, and said; and the one before does not come back", async () => {
    const { serve, folder } = stage();
    const server = serve();
    await server.has("auto");
    const { cert } = server.state().pair;
    const certificates = join(folder, "state/certificates");
    renameSync(certificates, join(folder, "kept"));
    // A folder in which nobody can make anything, root neither.
    symlinkSync("/proc/self", certificates);
    await server.renew();
    expect(server.state().pair.cert).not.toBe(cert);
    expect(server.state().problem).toMatch(/^the certificate cannot be kept, and is lost with a restart: /);
    rmSync(certificates);
    renameSync(join(folder, "kept"), certificates);
    server.stop();
    const again = serve();
    expect(again.state().pair.cert).toBe(cert);
  });

  test("and what was destroyed is ordered anew", async () => {
    const { serve, folder, first } = stage();
    const server = serve();
    await server.has("auto");
    server.stop();
    const [id = ""] = new Bun.Glob("certificates/*/pair.pem").scanSync(join(folder, "state"));
    const path = join(folder, "state", id);
    expect(existsSync(path)).toBe(true);
    writeFileSync(path, readFileSync(path, "latin1").slice(0, 300));
    const again = serve();
    await again.has("auto");
    expect(first.orders).toHaveLength(2);
  });
});
