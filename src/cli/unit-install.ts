/**
 * A systemd unit put into place, started, and taken away again. Only files that bear our mark are overwritten or removed.
 * What systemd says when it fails is shown as it is.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UNIT_MARK } from "./unit.ts";

/** Where the administrator's units are (systemd.unit(5)). */
export const UNIT_DIRECTORY = "/etc/systemd/system";
/** sd_booted(3): there when systemd is what started the machine. */
const BOOTED = "/run/systemd/system";
const UNIT_MODE = 0o644;
/** Longer than any TimeoutStartSec= or TimeoutStopSec= that unit.ts writes by default. */
const SYSTEMCTL_MS = 30 * 60_000;
const JOURNAL_LINES = 20;

/** It was not done; the message is for people. */
export class UnitProblem extends Error {
  override name = "UnitProblem";
}

export type Say = (text: string) => void;

export function unitPath(name: string): string {
  return join(UNIT_DIRECTORY, `${name}.service`);
}

/** As `systemctl --version` has it; undefined where there is none. */
export function systemdVersion(): number | undefined {
  const version = /^systemd (\d+)/.exec(run(["systemctl", "--version"]).output)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** Throws UnitProblem when this machine or this user cannot have units. */
export function requireSystemd(): void {
  if (!existsSync(BOOTED))
    throw new UnitProblem("systemd does not run this machine; server service show prints the unit for another");
  if (process.geteuid?.() !== 0) throw new UnitProblem("only root may do that: try sudo");
}

/** Is the unit there, and ours? Throws UnitProblem when it is somebody else's. */
export function ownUnit(name: string): boolean {
  const path = unitPath(name);
  if (!existsSync(path)) return false;
  if (readFileSync(path, "utf8").startsWith(UNIT_MARK)) return true;
  throw new UnitProblem(`${path} was not written by server service install; --name gives the unit another name`);
}

/** Resolves when it serves. Throws UnitProblem. */
export function installUnit(name: string, text: string, say: Say): void {
  requireSystemd();
  ownUnit(name);
  const path = unitPath(name);
  writeFileSync(`${path}.new`, text, { mode: UNIT_MODE });
  renameSync(`${path}.new`, path);
  say(`wrote ${path}\n`);
  systemctl("daemon-reload");
  const isActive = run(["systemctl", "is-active", "--quiet", name]).code === 0;
  systemctl("enable", "--quiet", name);
  if (isActive)
    return say(`${name} goes on as it was started: systemctl restart ${name} starts it as the unit is now\n`);
  const started = run(["systemctl", "start", name]);
  if (started.code === 0) return say(`${name} serves, and will after every boot; systemctl status ${name} shows it\n`);
  throw new UnitProblem(
    `${name} does not start; the unit stays, and systemctl start ${name} tries again:\n${started.output}${journal(name)}`,
  );
}

/** Stops it, too. Throws UnitProblem. */
export function uninstallUnit(name: string, say: Say): void {
  requireSystemd();
  const path = unitPath(name);
  if (!ownUnit(name)) throw new UnitProblem(`there is no ${path}; --name names another unit`);
  systemctl("disable", "--quiet", "--now", name);
  rmSync(path);
  systemctl("daemon-reload");
  run(["systemctl", "reset-failed", "--quiet", name]);
  say(`stopped ${name} and removed ${path}\n`);
  for (const left of [`/var/lib/${name}`, `${path}.d`]) if (existsSync(left)) say(`${left} is left as it is\n`);
}

function journal(name: string): string {
  const { output } = run(["journalctl", "-u", name, "-n", String(JOURNAL_LINES), "--no-pager", "-o", "cat"]);
  return output.replace(/^(?=.)/gm, "    ");
}

function systemctl(...words: readonly string[]): void {
  const { code, output } = run(["systemctl", ...words]);
  if (code !== 0) throw new UnitProblem(`systemctl ${words.join(" ")} failed:\n${output}`);
}

function run(command: readonly string[]): { readonly code: number; readonly output: string } {
  try {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { timeout: SYSTEMCTL_MS, stdin: "ignore" });
    return { code: exitCode ?? 1, output: `${stdout.toString()}${stderr.toString()}` };
  } catch (error) {
    return { code: 1, output: `${(error as Error).message}\n` };
  }
}
