/**
 * `server service install` and `uninstall` where systemd runs: systemctl and journalctl are scripts here that note what they were
 * asked, and the directories of units are those of a mount namespace. The unit itself is judged in test/cli/unit.test.ts.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, controlHome, E2E_TIMEOUT_MS, withoutNoOrphans } from "../support/binary.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const NAMESPACE = ["unshare", "--mount", "--propagation", "private"];

function missing(): string | undefined {
  if (process.geteuid?.() !== 0) return "only root may install units";
  return Bun.spawnSync([...NAMESPACE, "true"]).exitCode === 0 ? undefined : "mount namespaces are not allowed here";
}

const test = testUnless(missing());
const folder = makeFolder("service-install");
const units = join(folder, "units");
const unit = join(units, "shop.service");
const asked = join(folder, "asked");

const SYSTEMCTL = `#!/bin/sh
case "$1" in
  --version) echo "systemd 255 (255.1)"; exit;;
  is-active) test -e ${folder}/active; exit;;
esac
echo "$*" >> ${asked}
test "$1" != start || ! test -e ${folder}/broken || { echo "Job for shop.service failed"; exit 1; }
`;

const JOURNALCTL = `#!/bin/sh
echo "server: the reason that is in the journal"
`;

beforeAll(() => {
  mkdirSync(units);
  mkdirSync(join(folder, "bin"));
  for (const [name, text] of Object.entries({ systemctl: SYSTEMCTL, journalctl: JOURNALCTL })) {
    writeFileSync(join(folder, "bin", name), text);
    chmodSync(join(folder, "bin", name), 0o755);
  }
  const toml = '[[site]]\nlisten = ["127.0.0.1:1"]\n[site.routes]\n"/" = { respond = "x" }\n';
  writeFileSync(join(folder, "server.toml"), toml);
});

afterAll(() => removeFolder(folder));

function service(...words: readonly string[]): { code: number; stdout: string; stderr: string; systemctl: string[] } {
  rmSync(asked, { force: true });
  const script =
    'mkdir -p /etc/systemd/system && mount --bind "$0/units" /etc/systemd/system && mount -t tmpfs tmpfs /run && ' +
    'mkdir -p /run/systemd/system && exec "$@"';
  const env = { ...withoutNoOrphans(), ...controlHome(folder), PATH: `${folder}/bin:${process.env["PATH"]}` };
  const command = [...NAMESPACE, "sh", "-c", script, folder, BINARY, "service", ...words];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: folder, env });
  const systemctl = existsSync(asked) ? readFileSync(asked, "utf8").trim().split("\n") : [];
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString(), systemctl };
}

const AS_DAEMON = ["--user", "daemon", "--name", "shop"];

test("without a yes nothing happens but that the unit is shown", () => {
  const { code, stdout, stderr, systemctl } = service("install", ...AS_DAEMON);
  expect([code, systemctl, existsSync(unit)]).toEqual([1, [], false]);
  expect(stdout).toContain("\nUser=daemon\n");
  expect(stderr).toContain("--yes does it");
});

test("writes what it shows, enables it and starts it", () => {
  const { code, stdout, systemctl } = service("install", ...AS_DAEMON, "--yes");
  expect([code, systemctl]).toEqual([0, ["daemon-reload", "enable --quiet shop", "start shop"]]);
  const text = readFileSync(unit, "utf8");
  expect(stdout).toStartWith(text);
  expect(text).toContain("\nType=notify-reload\n");
  expect(stdout).toEndWith("shop serves, and will after every boot; systemctl status shop shows it\n");
});

test("one that runs goes on until it is told", () => {
  writeFileSync(join(folder, "active"), "");
  const { code, stdout, systemctl } = service("install", ...AS_DAEMON, "--yes");
  rmSync(join(folder, "active"));
  expect([code, systemctl]).toEqual([0, ["daemon-reload", "enable --quiet shop"]]);
  expect(stdout).toContain("systemctl restart shop starts it as the unit is now");
});

test("one that does not start says why, as the journal has it", () => {
  writeFileSync(join(folder, "broken"), "");
  const { code, stderr } = service("install", ...AS_DAEMON, "--yes");
  rmSync(join(folder, "broken"));
  expect(code).toBe(1);
  expect(stderr).toContain("Job for shop.service failed");
  expect(stderr).toContain("    server: the reason that is in the journal");
});

test("uninstall stops it and removes the file", () => {
  const { code, stdout, systemctl } = service("uninstall", "--name", "shop", "--yes");
  expect([code, systemctl[0], systemctl[1]]).toEqual([0, "disable --quiet --now shop", "daemon-reload"]);
  expect(stdout).toContain("stopped shop and removed /etc/systemd/system/shop.service");
  expect(existsSync(unit)).toBe(false);
  expect(service("uninstall", "--name", "shop", "--yes")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("there is no"),
  });
});

test("a unit of somebody else is neither overwritten nor removed", () => {
  writeFileSync(unit, "[Service]\nExecStart=/bin/true\n");
  for (const action of ["install", "uninstall"]) {
    const { code, stderr, systemctl } = service(
      action,
      "--name",
      "shop",
      "--yes",
      ...(action === "install" ? ["--user", "daemon"] : []),
    );
    expect([code, systemctl]).toEqual([1, []]);
    expect(stderr).toContain("was not written by server service install");
  }
  expect(readFileSync(unit, "utf8")).toBe("[Service]\nExecStart=/bin/true\n");
});
