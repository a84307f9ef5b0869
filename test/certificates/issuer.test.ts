/** The issuer with a clock of its own, and an authority that does as it is told. The protocol with a real one: test/e2e/acme.test.ts. */
import { afterEach, describe, expect, test } from "bun:test";
import type { IssuerOptions, Wanted } from "../../src/certificates/issue-job.ts";
import { Issuer } from "../../src/certificates/issuer.ts";
import { makeCertificate, newKey } from "../../src/certificates/make.ts";
import { renewalId } from "../../src/certificates/order.ts";
import { keyText } from "../../src/certificates/pem.ts";
import { pairId, Store } from "../../src/certificates/store.ts";
import type { Log } from "../../src/base/log.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";

const DAY_MS = 86_400_000;
const NAMES = ["a.test", "b.test"];
const DIRECTORY = "https://first.test/dir";
const WANTED: Wanted = { names: NAMES, kind: "auto", challenges: ["http-01", "tls-alpn-01"], directory: DIRECTORY };
const folders: string[] = [];
afterEach(() => folders.splice(0).forEach(removeFolder));

function stage({ internal = false, folder = "" } = {}) {
  const lines: string[] = [];
  const note = (text: string) => void lines.push(text);
  const log: Log = { level: "info", debug: note, info: note, notice: note, warn: note, error: note, crit: note };
  const place = folder === "" ? makeFolder("issuer") : folder;
  folders.push(place);
  const store = new Store(place);
  const requests: string[] = [];
  let changes = 0;
  const clock = { ms: Date.now() };
  const directory = (name: string) => ({ directory: `https://${name}.test/dir`, ca: undefined, binding: undefined });
  const options: IssuerOptions = {
    authority: directory("first"),
    second: directory("second"),
    staging: directory("staging"),
    contact: [],
    profile: undefined,
    dnsHook: undefined,
  };
  const issuer = new Issuer(options, {
    log,
    store,
    show: async () => () => {},
    changed: () => void changes++,
    now: () => clock.ms,
    sleep: async () => {},
    fetch: async (url) => {
      requests.push(url);
      throw Object.assign(new Error("no"), { code: "ECONNREFUSED" });
    },
  });
  const wanted: Wanted = internal ? { ...WANTED, kind: "internal", directory: "" } : WANTED;
  return { issuer, options, store, lines, requests, clock, wanted, changes: () => changes, folder: place };
}

function stored(fromMs: number, toMs: number) {
  const key = newKey();
  const cert = makeCertificate({ subject: "x", names: NAMES, key, from: new Date(fromMs), to: new Date(toMs) });
  return { cert, key: keyText(key) };
}

test("until an authority has answered, the site shows a temporary certificate, and it is said why", async () => {
  const { issuer, options, wanted, lines } = stage();
  expect(issuer.state(wanted)).toMatchObject({ source: "temporary", problem: undefined });
  expect(issuer.state(wanted).pair.chain[0]?.subjectAltName).toBe("DNS:a.test, DNS:b.test");
  expect(issuer.state(wanted).pair).toBe(issuer.state(wanted).pair);
  issuer.start([wanted], options);
  await until("failure", 20_000, () => issuer.state(wanted).problem !== undefined);
  expect(issuer.state(wanted).problem).toMatch(
    /^no certificate could be had: first\.test cannot be reached: ECONNREFUSED; tried again in \d min$/,
  );
  expect(lines).toContain("a.test: a temporary certificate is shown until there is one");
  issuer.stop();
});

test("what is in the store is shown, and nothing is ordered before its time", async () => {
  const { issuer, options, store, wanted, clock, requests } = stage();
  store.keepPair(pairId(NAMES, DIRECTORY), stored(clock.ms - DAY_MS, clock.ms + 80 * DAY_MS));
  expect(issuer.state(wanted).source).toBe("auto");
  issuer.start([wanted], options);
  await until("questions about its window", 20_000, () => requests.length > 1);
  await Bun.sleep(50);
  expect(requests).toEqual(["https://first.test/dir", "https://second.test/dir"]);
  expect(issuer.state(wanted).problem).toBeUndefined();
  issuer.stop();
});

test("a failed renewal leaves the old certificate, to the end of its life", async () => {
  const { issuer, options, store, wanted, clock } = stage();
  const pair = stored(clock.ms - 80 * DAY_MS, clock.ms + 10 * DAY_MS);
  store.keepPair(pairId(NAMES, DIRECTORY), pair);
  issuer.start([wanted], options);
  await until("failure", 20_000, () => issuer.state(wanted).problem !== undefined);
  expect(issuer.state(wanted)).toMatchObject({ source: "auto", pair: { cert: pair.cert } });
  issuer.stop();
  // A new server, after its end: that is not shown as if it were good.
  clock.ms += 11 * DAY_MS;
  const later = stage({ folder: folders[0] ?? "" });
  later.clock.ms = clock.ms;
  expect(later.issuer.state(wanted).source).toBe("temporary");
});

describe("certificates of our own authority", () => {
  test("come at once, lead to one root, and are renewed before they end", async () => {
    const { issuer, options, store, wanted, clock, changes } = stage({ internal: true });
    issuer.start([wanted], options);
    await until("certificate", 20_000, () => issuer.state(wanted).source === "internal");
    const { pair } = issuer.state(wanted);
    const root = store.authority()?.chain[0];
    expect(root !== undefined && pair.chain[0]?.checkIssued(root) && pair.chain[0].verify(root.publicKey)).toBe(true);
    expect(changes()).toBe(1);
    issuer.stop();
    clock.ms += 10 * DAY_MS;
    issuer.start([wanted], options);
    await until("renewal", 20_000, () => issuer.state(wanted).pair.cert !== pair.cert);
    expect(store.authority()?.chain[0]?.fingerprint256).toBe(root?.fingerprint256);
    issuer.stop();
  });
});

describe("certificates of our own authority that a wrong clock has made", () => {
  const made = async (skewMs: number) => {
    const { issuer, options, wanted, clock, lines } = stage({ internal: true });
    const nowMs = clock.ms;
    clock.ms += skewMs;
    issuer.start([wanted], options);
    await until("certificate", 20_000, () => issuer.state(wanted).source === "internal");
    issuer.stop();
    clock.ms = nowMs;
    issuer.start([wanted], options);
    const isValid = () => {
      const { chain } = issuer.state(wanted).pair;
      return chain.every(({ validFromDate: from, validToDate: to }) => +from <= nowMs && nowMs < +to);
    };
    await until("certificates that are valid now", 20_000, isValid);
    issuer.stop();
    return lines.filter((line) => line.startsWith("the local authority is over"));
  };

  test("in the past, as machines without a battery do: all is made anew", async () => {
    expect(await made(-20 * 365 * DAY_MS)).toHaveLength(1);
  });

  test("in the future: all is made anew", async () => {
    expect(await made(40 * DAY_MS)).toHaveLength(1);
  });
});

test("of two servers on one folder one orders, the other says so and shows the same", async () => {
  const one = stage({ internal: true });
  one.issuer.start([one.wanted], one.options);
  await until("certificate", 20_000, () => one.issuer.state(one.wanted).source === "internal");
  const other = stage({ internal: true, folder: one.folder });
  other.issuer.start([other.wanted], other.options);
  await until("word of the other", 20_000, () => other.issuer.state(other.wanted).problem !== undefined);
  expect(other.lines.join("\n")).toContain(`the server with pid ${process.pid} has ${one.folder}, and orders for both`);
  expect(other.issuer.state(other.wanted).pair.cert).toBe(one.issuer.state(one.wanted).pair.cert);
  one.issuer.stop();
  other.issuer.stop();
});

test("a folder that cannot be written is said, and the site is served all the same", async () => {
  const { issuer, options, wanted } = stage({ internal: true, folder: "/proc/nowhere" });
  folders.length = 0;
  issuer.start([wanted], options);
  await until("complaint", 20_000, () => issuer.state(wanted).problem !== undefined);
  expect(issuer.state(wanted).problem).toStartWith("/proc/nowhere cannot be used: ");
  expect(issuer.state(wanted).source).toBe("temporary");
  issuer.stop();
});

test("a certificate is named to its authority by who signed it and by its number", () => {
  const issuer = { subject: "authority", key: newKey() };
  const dates = { from: new Date(), to: new Date(Date.now() + DAY_MS) };
  const id = renewalId(makeCertificate({ subject: "x", names: NAMES, key: newKey(), issuer, ...dates })) ?? "";
  const [keyId = "", serial = ""] = id.split(".");
  expect(Buffer.from(keyId, "base64url")).toHaveLength(20);
  expect(Buffer.from(serial, "base64url")[0]).toBe(1);
  expect(renewalId(makeCertificate({ subject: "x", names: NAMES, key: newKey(), ...dates }))).toBeUndefined();
});

describe("what a reload changes", () => {
  test("other names are shown with what is kept until there is a certificate for them", async () => {
    const { issuer, options, store, wanted, clock, lines } = stage();
    const pair = stored(clock.ms - DAY_MS, clock.ms + 80 * DAY_MS);
    store.keepPair(pairId(NAMES, DIRECTORY), pair);
    issuer.start([wanted], options);
    const more: Wanted = { ...wanted, names: [...NAMES, "c.test"] };
    const why = "one of before, signed by CN=x, is shown until there is a new one; it does not name c.test";
    expect(issuer.state(more)).toMatchObject({ source: "auto", pair: { cert: pair.cert }, standsIn: why });
    issuer.start([more], options);
    await until("failure", 20_000, () => issuer.state(more).failures > 0);
    expect(issuer.state(more)).toMatchObject({ pair: { cert: pair.cert }, standsIn: why });
    expect(issuer.state(more).problem).toStartWith("no new certificate could be had");
    expect(lines.join("\n")).toContain(`a.test: ${why}`);
    // Its end is the end of it.
    issuer.stop();
    clock.ms += 81 * DAY_MS;
    issuer.start([more], options);
    await until("temporary one", 20_000, () => issuer.state(more).source === "temporary");
    issuer.stop();
  });

  test("another authority, or an authority in place of our own, is asked at once", async () => {
    const { issuer, options, wanted, requests } = stage({ internal: true });
    issuer.start([wanted], options);
    await until(
      "own certificate",
      20_000,
      () => issuer.state(wanted).standsIn === undefined && issuer.state(wanted).source === "internal",
    );
    expect(requests).toEqual([]);
    issuer.start([WANTED], options);
    expect(issuer.state(WANTED).standsIn).toMatch(/^one of before, signed by CN=server local authority/);
    await until("question", 20_000, () => requests.includes("https://first.test/dir"));
    issuer.stop();
  });
});
