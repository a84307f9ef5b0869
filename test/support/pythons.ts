/**
 * The Pythons of this machine: on the PATH, in the folder of a version manager (PYTHON_VERSIONS, else $PYENV_ROOT/versions
 * or ~/.pyenv/versions), and those that PYTHONS names (paths, `:` between them). One of each implementation and version.
 */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface FoundPython {
  readonly path: string;
  /** `CPython 3.12.1`, `CPython 3.13.0t` when it is free-threaded. */
  readonly name: string;
  readonly isFreeThreaded: boolean;
}

export interface Pythons {
  readonly usable: readonly FoundPython[];
  /** With the reason. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

const TELL = `import json, platform, sys, sysconfig
print(json.dumps([platform.python_implementation(), sys.version_info[:3], bool(sysconfig.get_config_var("Py_GIL_DISABLED"))]))`;

const MINORS = [8, 9, 10, 11, 12, 13, 14, 15];

function candidates(): string[] {
  const named = (process.env["PYTHONS"] ?? "").split(":").filter((path) => path !== "");
  const names = ["python3", ...MINORS.flatMap((minor) => [`python3.${minor}`, `python3.${minor}t`]), "pypy3"];
  const onPath = names.map((name) => Bun.which(name)).filter((path) => path !== null);
  const root = process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv");
  const folder = process.env["PYTHON_VERSIONS"] ?? join(root, "versions");
  const managed = existsSync(folder) ? readdirSync(folder).map((version) => join(folder, version, "bin/python3")) : [];
  return [...named, ...onPath, ...managed.toSorted()];
}

export function findPythons(): Pythons {
  const usable: FoundPython[] = [];
  const skipped: { path: string; reason: string }[] = [];
  for (const path of candidates()) {
    const found = look(path);
    if (typeof found === "string") skipped.push({ path, reason: found });
    else if (!usable.some((other) => other.name === found.name)) usable.push(found);
  }
  return { usable, skipped };
}

/** What it is, or why it cannot be used: a version manager's shim of a version that is not chosen does not run. */
function look(path: string): FoundPython | string {
  if (!existsSync(path)) return "there is no such file";
  const run = Bun.spawnSync([path, "-c", TELL], { stderr: "ignore" });
  if (!run.success) return "it does not run";
  const [implementation, version, isFreeThreaded] = JSON.parse(run.stdout.toString()) as [string, number[], boolean];
  const [major = 0, minor = 0] = version;
  const name = `${implementation} ${version.join(".")}${isFreeThreaded ? "t" : ""}`;
  if (major !== 3 || minor < 8) return `${name} is older than 3.8`;
  return { path, name, isFreeThreaded };
}
