/** What a unit says for what is known, and what systemd itself thinks of it. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UNIT_MARK, type UnitFacts, unitName, unitText } from "../../src/cli/unit.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const FACTS: UnitFacts = {
  name: "mysite",
  binary: "/bin/true",
  config: "/srv/mysite/server.toml",
  user: "www-data",
  group: undefined,
  writable: ["/srv/mysite"],
  capabilities: ["CAP_NET_BIND_SERVICE"],
  usesHome: false,
  usesTemporary: false,
  opensRuntimeDirectory: false,
  hasUsers: false,
  environmentFile: undefined,
  startTimeoutMs: 60_000,
  drainTimeoutMs: 30_000,
  descriptors: 65_536,
  systemdVersion: 252,
};

const folder = makeFolder("unit");
afterAll(() => removeFolder(folder));

function lines(facts: Partial<UnitFacts>, key: string): string[] {
  const text = unitText({ ...FACTS, ...facts });
  return text.split("\n").flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

test("the first line says whose it is", () => {
  expect(unitText(FACTS)).toStartWith(`${UNIT_MARK}, `);
});

test("systemctl reload waits where systemd can, and sends HUP where it cannot", () => {
  expect(lines({ systemdVersion: 253 }, "Type")).toEqual(["notify-reload"]);
  expect(lines({ systemdVersion: 253 }, "ExecReload")).toEqual([]);
  for (const systemdVersion of [252, undefined]) {
    expect(lines({ systemdVersion }, "Type")).toEqual(["notify"]);
    expect(lines({ systemdVersion }, "ExecReload")).toEqual(["/bin/kill -HUP $MAINPID"]);
  }
});

test("the workers are the server's to stop, and requests have their time", () => {
  expect(lines({ drainTimeoutMs: 100_500 }, "TimeoutStopSec")).toEqual(["161s"]);
  expect(lines({ startTimeoutMs: 300_000 }, "TimeoutStartSec")).toEqual(["330s"]);
  expect(lines({ startTimeoutMs: 0 }, "TimeoutStartSec")).toEqual(["90s"]);
  expect(lines({}, "KillMode")).toEqual(["mixed"]);
});

test("no capability that is not needed, none at all if none is", () => {
  for (const key of ["AmbientCapabilities", "CapabilityBoundingSet"]) {
    expect(lines({}, key)).toEqual(["CAP_NET_BIND_SERVICE"]);
    expect(lines({ capabilities: [] }, key)).toEqual([""]);
  }
});

test("what lies in a home or in /tmp stays in sight", () => {
  expect([lines({}, "ProtectHome"), lines({ usesHome: true }, "ProtectHome")]).toEqual([["yes"], ["read-only"]]);
  expect([lines({}, "PrivateTmp"), lines({ usesTemporary: true }, "PrivateTmp")]).toEqual([["yes"], ["no"]]);
  expect(lines({ usesTemporary: true }, "ReadWritePaths")).toEqual(["-/srv/mysite", "/tmp /var/tmp"]);
  expect(lines({ hasUsers: true }, "ProtectProc")).toEqual([]);
  expect(lines({ opensRuntimeDirectory: true }, "RuntimeDirectoryMode")).toEqual(["0755"]);
});

test("paths with blanks, percent signs, dollars and quotes stay one word and what they are", () => {
  const odd = '/srv/a b%c$d"e';
  expect(lines({ config: odd, binary: odd }, "ExecStart")).toEqual([
    String.raw`"/srv/a b%%c$d\"e" run -c "/srv/a b%%c$$d\"e"`,
  ]);
  expect(lines({ writable: [odd] }, "ReadWritePaths")).toEqual([String.raw`"-/srv/a b%%c$d\"e"`]);
  expect(lines({ config: "/srv/ümläut/x.toml" }, "ExecStart")).toEqual(['/bin/true run -c "/srv/ümläut/x.toml"']);
});

test.each([
  ["mysite", "mysite"],
  ["mysite.service", "mysite"],
  ["my site & co", "my-site-co"],
  ["../../etc", "etc"],
  ["-.-", undefined],
  ["ü", undefined],
])("a unit for %s is called %s", (written, name) => {
  expect(unitName(written)).toBe(name);
});

const analyze = Bun.which("systemd-analyze");
const judged = testUnless(analyze === null ? "systemd-analyze is not installed" : undefined);

function judge(words: readonly string[], facts: Partial<UnitFacts>): { code: number; said: string } {
  const path = join(folder, "mysite.service");
  writeFileSync(path, unitText({ ...FACTS, ...facts }));
  const { exitCode, stdout, stderr } = Bun.spawnSync([analyze ?? "", ...words, path], {
    env: { ...process.env, SYSTEMD_COLORS: "0" },
  });
  return { code: exitCode, said: `${stdout.toString()}${stderr.toString()}` };
}

judged("systemd-analyze verify finds nothing in it", () => {
  const all: Partial<UnitFacts> = {
    group: "daemon",
    capabilities: ["CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SETGID", "CAP_KILL"],
    writable: ["/srv/a b%c", "/srv/x"],
    config: "/srv/a b%c/server.toml",
    usesHome: true,
    usesTemporary: true,
    opensRuntimeDirectory: true,
    hasUsers: true,
    environmentFile: "/etc/default/mysite",
  };
  for (const facts of [{}, all]) {
    // It also speaks of units that this machine lacks.
    const { said } = judge(["verify"], facts);
    expect(said.split("\n").filter((line) => line.includes("mysite.service"))).toEqual([]);
  }
});

judged("systemd-analyze security finds little exposure", () => {
  const { code, said } = judge(["security", "--offline=true", "--threshold=20", "--no-pager"], {});
  expect(said.slice(-200)).toContain("OK");
  expect(code).toBe(0);
});
