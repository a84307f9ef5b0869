/** Checks of the machine, each with its fault: ports, sockets, upstreams, names, memory, limits, clock, disks, keys. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { CERTIFICATES } from "../../src/doctor/check-certificates.ts";
import { CLOCK } from "../../src/doctor/check-clock.ts";
import { DISK } from "../../src/doctor/check-disk.ts";
import { LIMITS } from "../../src/doctor/check-limits.ts";
import { MEMORY } from "../../src/doctor/check-memory.ts";
import { NAMES } from "../../src/doctor/check-names.ts";
import { PORTS } from "../../src/doctor/check-ports.ts";
import { SECRETS } from "../../src/doctor/check-secrets.ts";
import { SERVER } from "../../src/doctor/check-server.ts";
import { UPSTREAMS } from "../../src/doctor/check-upstreams.ts";
import type { Running } from "../../src/doctor/patient.ts";
import { version } from "../../package.json";
import { lookAtAddresses } from "../../src/machine/addresses.ts";
import { closeDescriptor, listenUnix } from "../../src/os/sockets.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { factsOf, findingsOf, linesOf, NOBODY, patientOf } from "../support/patient.ts";
import { testUnless } from "../support/skip.ts";

let folder = "";
beforeAll(() => {
  folder = makeFolder("doctor");
  writeFiles(folder, { "home/site/static/a.css": "a {}", "app.py": "application = print\n" });
});
afterAll(() => removeFolder(folder));

const STATIC_SITE = `[[site]]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/static/" = { files = "home/site/static/" }\n`;
const APP_SITE = `[app.x]\nwsgi = "app.py"\npython = "/usr/bin/python3"\nprocesses = 4\n[[site]]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/" = { app = "x" }\n`;

const never = () => Promise.resolve(undefined);

const running = (pid: number, more: Partial<Running> = {}): Running => {
  return { pid, version, state: "serving", uptimeMs: 61_500, apps: [], ...more };
};

describe("ports", () => {
  const site = (address: string) =>
    `[[site]]\nlisten = [${JSON.stringify(address)}]\n[site.routes]\n"/" = { respond = "x" }\n`;

  test("who has one is named; one that this server has is well", async () => {
    const port = await freePort();
    const toml = site(`127.0.0.1:${port}`);
    expect(await linesOf(PORTS, patientOf(folder, toml))).toEqual([`ok port 127.0.0.1:${port}: free`]);
    const holder = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    try {
      const [finding] = await findingsOf(PORTS, patientOf(folder, toml));
      expect(finding?.says).toMatch(new RegExp(`^taken by \\S.*, pid ${process.pid}$`));
      expect(finding?.remedy).toContain(`kill ${process.pid}`);
      expect(await linesOf(PORTS, patientOf(folder, site(`127.0.0.2:${port}`)))).toEqual([
        `ok port 127.0.0.2:${port}: free`,
      ]);
      expect(
        await linesOf(PORTS, patientOf(folder, site(`127.0.0.1:${port}`), { running: running(process.pid) })),
      ).toEqual([`ok port 127.0.0.1:${port}: this server has it, pid ${process.pid}`]);
    } finally {
      holder.stop(true);
    }
    expect(await linesOf(PORTS, patientOf(folder, toml, { running: running(1) }))).toEqual([
      `problem port 127.0.0.1:${port}: the running server does not listen there`,
    ]);
  });

  test("low ports are not for everybody", async () => {
    const files = {
      "/proc/sys/net/ipv4/ip_unprivileged_port_start": "1024\n",
      "/proc/self/status": "CapEff:\t0000000000000000\n",
    };
    const lines = await linesOf(PORTS, patientOf(folder, site("127.0.0.1:81"), { serving: NOBODY, files }));
    expect(lines).toEqual(["problem port 127.0.0.1:81: nobody may not listen on ports below 1024"]);
  });

  test("a unix socket: free, left behind, somebody's, in a folder of others, no socket at all", async () => {
    const path = join(folder, "site.sock");
    const toml = site(`unix:${path}`);
    expect(await linesOf(PORTS, patientOf(folder, toml))).toEqual([`ok socket ${path}: free`]);
    const fd = listenUnix(path, 0o600);
    expect(await linesOf(PORTS, patientOf(folder, toml))).toEqual([
      `problem socket ${path}: somebody listens there, who is not this server`,
    ]);
    closeDescriptor(fd);
    expect(await linesOf(PORTS, patientOf(folder, toml))).toEqual([
      `ok socket ${path}: left behind by a server that is gone; it is replaced at the start`,
    ]);
    unlinkSync(path);
    const patient = patientOf(folder, toml, { serving: NOBODY, ground: { kernelAllows: never } });
    expect(await linesOf(PORTS, patient)).toEqual([
      expect.stringContaining(`problem socket ${path}: nobody cannot make it: ${folder} has mode 755`),
    ]);
    writeFileSync(path, "");
    expect(await linesOf(PORTS, patientOf(folder, toml))).toEqual([
      `problem socket ${path}: something else stands there, which is no socket`,
    ]);
    rmSync(path);
  });
});

describe("upstreams", () => {
  const upstream = (server: string) =>
    `[upstream.u]\nservers = [${JSON.stringify(server)}]\n[[site]]\nlisten = ["127.0.0.1:8199"]\n[site.routes]\n"/" = { upstream = "u" }\n`;
  let server: Server;
  beforeAll(() => (server = createServer().listen(0, "127.0.0.1")));
  afterAll(() => void server.close());

  test("one that answers, one where nobody listens, one whose name nobody knows", async () => {
    const { port } = server.address() as { port: number };
    expect(await linesOf(UPSTREAMS, patientOf(folder, upstream(`127.0.0.1:${port}`)))).toEqual([
      `ok upstream u 127.0.0.1:${port}: answers`,
    ]);
    const closed = await freePort();
    expect(await linesOf(UPSTREAMS, patientOf(folder, upstream(`127.0.0.1:${closed}`)))).toEqual([
      `problem upstream u 127.0.0.1:${closed}: nobody listens there`,
    ]);
    const nameless = patientOf(folder, upstream("backend.invalid:80"), {
      ground: { resolves: () => Promise.resolve(false) },
    });
    expect(await linesOf(UPSTREAMS, nameless)).toEqual([
      "problem upstream u backend.invalid:80: backend.invalid cannot be resolved",
    ]);
    const silent = patientOf(folder, upstream("192.0.2.1:80"), {
      ground: { connect: () => Promise.resolve("timeout") },
    });
    expect(await linesOf(UPSTREAMS, silent)).toEqual(["notice upstream u 192.0.2.1:80: cannot be reached: timeout"]);
  });

  test("a socket that is not there, and one that the user may not use", async () => {
    const path = join(folder, "upstream.sock");
    expect(await linesOf(UPSTREAMS, patientOf(folder, upstream(`unix:${path}`)))).toEqual([
      `problem upstream u unix:${path}: there is no ${path}`,
    ]);
    const fd = listenUnix(path, 0o600);
    const patient = patientOf(folder, upstream(`unix:${path}`), { serving: NOBODY, ground: { kernelAllows: never } });
    expect(await linesOf(UPSTREAMS, patient)).toEqual([
      expect.stringContaining(`problem upstream u unix:${path}: nobody may not write to ${path}, which has mode 600`),
    ]);
    closeDescriptor(fd);
  });
});

describe("names", () => {
  const toml = (tls: string) =>
    `[[site]]\nnames = ["www.shop.dev"]\nlisten = [80, 443]\ntls = "${tls}"\n[site.routes]\n"/" = { respond = "x" }\n`;
  const asked = (tls: string, answer: readonly string[] | "unknown-name" | "no-answer") =>
    linesOf(NAMES, patientOf(folder, toml(tls), { ground: { lookUp: () => Promise.resolve(answer) } }));

  test("one that leads elsewhere costs the certificate that orders itself", async () => {
    const [line = ""] = await asked("auto", ["192.0.2.7"]);
    // A machine without a public address of its own cannot say.
    const { open } = lookAtAddresses();
    if (open.length === 0) expect(line).toStartWith("unknown name www.shop.dev: leads to 192.0.2.7");
    else
      expect(line).toBe(
        "problem name www.shop.dev: leads to 192.0.2.7, none of which is of this machine, so no certificate can be ordered for it",
      );
    expect(await asked("auto", "unknown-name")).toEqual([
      "problem name www.shop.dev: is not in the DNS, so no certificate can be ordered for it",
    ]);
    expect(await asked("internal", "unknown-name")).toEqual(["notice name www.shop.dev: is not in the DNS"]);
    expect(await asked("auto", "no-answer")).toEqual(["unknown name www.shop.dev: the resolver does not answer"]);
  });

  test("one that leads here is well", async () => {
    const { open, inside } = lookAtAddresses();
    const own = [...open, ...inside];
    if (own.length === 0) return;
    expect(await asked("auto", own)).toEqual([`ok name www.shop.dev: leads here (${own.join(", ")})`]);
  });
});

describe("memory, limits, clock, disks", () => {
  const MIB = 1024 * 1024;
  const meminfo = (mib: number) => ({
    "/proc/meminfo": `MemTotal: ${mib * 1024} kB\nMemAvailable: ${mib * 512} kB\n`,
    "/sys/fs/cgroup/memory.max": "max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "x",
  });

  test("workers that do not fit are a problem, with a number that fits", async () => {
    const facts = factsOf({}, 200 * MIB);
    expect(await linesOf(MEMORY, patientOf(folder, APP_SITE, { apps: facts, files: meminfo(8192) }))).toEqual([
      "ok memory: 1350 MiB of 8192 MiB when all workers are there (4 × 300 MiB for x)",
    ]);
    const [finding] = await findingsOf(MEMORY, patientOf(folder, APP_SITE, { apps: facts, files: meminfo(1024) }));
    expect(finding).toMatchObject({ verdict: "problem", remedy: expect.stringContaining("processes = 1 in [app.x]") });
    expect(await linesOf(MEMORY, patientOf(folder, APP_SITE, { apps: facts, files: meminfo(1700) }))).toEqual([
      expect.stringMatching(/^notice memory/),
    ]);
    // Workers that run are measured as they are.
    const app = { name: "x", ready: 4, rssBytes: [50 * MIB, 60 * MIB], crashLoop: undefined, reloadFailure: undefined };
    expect(
      await linesOf(
        MEMORY,
        patientOf(folder, APP_SITE, { apps: facts, files: meminfo(1024), running: running(1, { apps: [app] }) }),
      ),
    ).toEqual(["ok memory: 390 MiB of 1024 MiB when all workers are there (4 × 60 MiB for x)"]);
  });

  test("a short queue of connections and few open files", async () => {
    const files = {
      "/proc/sys/net/core/somaxconn": "128\n",
      "/proc/self/limits": "Max open files            1024                 4096                 files\n",
    };
    const found = await findingsOf(LIMITS, patientOf(folder, STATIC_SITE, { files }));
    expect(found.map(({ verdict, subject }) => `${verdict} ${subject}`)).toEqual([
      "notice somaxconn",
      "notice open files",
    ]);
    expect(found[1]?.remedy).toBe(
      "LimitNOFILE=17408 in the unit, ulimit -n 17408 in a shell; or max_connections = 3072",
    );
    const enough = {
      "/proc/sys/net/core/somaxconn": "4096\n",
      "/proc/self/limits": "Max open files   1024   unlimited   files\n",
    };
    expect(await linesOf(LIMITS, patientOf(folder, STATIC_SITE, { files: enough }))).toEqual([
      "ok somaxconn: 4096 connections may wait to be accepted",
      "ok open files: no limit for up to 16384 connections",
    ]);
  });

  test("a clock that is wrong, and one that nobody sets right", async () => {
    const clock = async (nowMs: number, synchronised: boolean | undefined) => {
      const ground = { nowMs, isClockSynchronised: () => synchronised };
      const [line = ""] = await linesOf(CLOCK, patientOf(folder, STATIC_SITE, { ground }));
      return line;
    };
    expect(await clock(0, true)).toBe("problem clock: it is 1970-01-01 00:00:00 UTC here, which has passed long ago");
    const now = Date.UTC(2027, 0, 2);
    expect(await clock(now, false)).toBe("notice clock: 2027-01-02 00:00:00 UTC, and nobody synchronises it");
    expect(await clock(now, true)).toBe("ok clock: 2027-01-02 00:00:00 UTC, synchronised");
    expect(await clock(now, undefined)).toStartWith("unknown clock");
  });

  test("full disks: bytes, and files", async () => {
    const disk = (freeBytes: number, freeFiles: number) => {
      const space = { freeBytes, totalBytes: 100 * 1024 * MIB, freeFiles, totalFiles: 1_000_000 };
      return linesOf(DISK, patientOf(folder, STATIC_SITE, { ground: { space: () => space } }));
    };
    expect(await disk(50 * MIB, 900_000)).toEqual([
      expect.stringMatching(/^problem disk of \S+: 50MiB of 100GiB free$/),
    ]);
    expect(await disk(4096 * MIB, 900_000)).toEqual([expect.stringMatching(/^notice disk/)]);
    expect(await disk(50_000 * MIB, 900)).toEqual([
      expect.stringMatching(/^problem disk of \S+: 900 of 1000000 files \(inodes\) free$/),
    ]);
    expect(await disk(50_000 * MIB, 900_000)).toEqual([expect.stringMatching(/^ok disk/)]);
  });
});

testUnless(opensslMissing())("a key that others may read is taken from them by --fix", async () => {
  const { pem: cert, key } = new Authority(folder).make("site", { names: "DNS:www.example.org" });
  const toml = `[[site]]\nnames = ["www.example.org"]\nlisten = [{ address = 8443, tls = true }]\ntls = { cert = "${cert}", key = "${key}" }\n[site.routes]\n"/" = { respond = "x" }\n`;
  chmodSync(key, 0o644);
  const [finding] = await findingsOf(SECRETS, patientOf(folder, toml));
  expect(finding).toMatchObject({
    verdict: "problem",
    says: "has mode 644: others may use it",
    remedy: `chmod 640 ${key}`,
  });
  expect(await finding?.fix?.run()).toBeUndefined();
  expect(statSync(key).mode & 0o777).toBe(0o640);
  expect(await linesOf(SECRETS, patientOf(folder, toml))).toEqual([
    `ok key ${key}: only its owner and group may read it`,
  ]);
});

testUnless(opensslMissing())("a key that stands among the files that are served", async () => {
  const { pem: cert, key } = new Authority(folder).make("open", { names: "DNS:www.example.org" });
  const toml = (files: string) =>
    `[[site]]\nnames = ["www.example.org"]\nlisten = [{ address = 8443, tls = true }]\ntls = { cert = "${cert}", key = "${key}" }\n[site.routes]\n"/" = { files = "${files}" }\n`;
  const [served] = await findingsOf(SECRETS, patientOf(folder, toml(folder)));
  expect(served).toMatchObject({
    verdict: "problem",
    says: "stands among the files of /, which are sent to everybody",
  });
  const [beside] = await findingsOf(SECRETS, patientOf(folder, toml(join(folder, "home"))));
  expect(beside?.says).not.toContain("stands among");
});

test("certificates that browsers refuse, or soon will", async () => {
  const nowMs = Date.parse("2026-11-30T12:00:00Z");
  const all = [
    { site: "good", source: "auto", notAfter: nowMs + 86_400_000, failures: 0, problems: [] },
    { site: "new", source: "temporary", notAfter: nowMs + 86_400_000, failures: 0, problems: ["browsers refuse it"] },
    { site: "failing", source: "temporary", notAfter: nowMs + 86_400_000, failures: 2, problems: ["a", "no answer"] },
    { site: "over", source: "files", notAfter: nowMs - 1, failures: null, problems: ["the certificate expired"] },
    {
      site: "old",
      source: "files",
      notAfter: nowMs + 86_400_000,
      failures: null,
      problems: ["the new files are not taken"],
    },
  ] as const;
  const patient = patientOf(folder, STATIC_SITE, { running: running(7, { certificates: all }), ground: { nowMs } });
  expect(await linesOf(CERTIFICATES, patient)).toEqual([
    "ok certificate good: is valid until 2026-12-01",
    "notice certificate new: is a temporary one until the first order is through",
    "problem certificate failing: is a temporary one that browsers refuse",
    "problem certificate over: is over: browsers refuse it",
    "notice certificate old: is valid until 2026-12-01",
  ]);
  const [, , failing, , old] = await findingsOf(CERTIFICATES, patient);
  expect(failing).toMatchObject({ remedy: "server cert test failing", lines: ["a", "no answer"] });
  expect(old?.lines).toEqual(["the new files are not taken"]);
  expect(await linesOf(CERTIFICATES, patientOf(folder, STATIC_SITE))).toEqual([]);
});

test("a server that is not there, is another version, or does not serve yet", async () => {
  expect(await linesOf(SERVER, patientOf(folder, STATIC_SITE))).toEqual([
    "notice server: none runs with this configuration",
  ]);
  expect(await linesOf(SERVER, patientOf(folder, STATIC_SITE, { running: running(7) }))).toEqual([
    "ok server: runs, pid 7, for 1m1s",
  ]);
  const old = running(7, { version: "0.0.1" });
  expect(await linesOf(SERVER, patientOf(folder, STATIC_SITE, { running: old }))).toEqual([
    `notice server: runs, pid 7, for 1m1s, but as version 0.0.1; this is ${version}`,
  ]);
  expect(await linesOf(SERVER, patientOf(folder, STATIC_SITE, { running: running(7, { state: "starting" }) }))).toEqual(
    ["problem server: pid 7 is starting"],
  );
});
