/** The virtual environment of the peers from PyPI. It sees the system's packages: Django is the same for all. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run } from "../../sample/run.ts";
import { PYTHON } from "./peer.ts";

const VENV = join(ROOT, ".build/bench/venv");

export const inVenv = (name: string) => join(VENV, "bin", name);

/** Of an installed package. */
export function packageVersion(name: string): string {
  const { stdout } = run([inVenv("python"), "-c", `import importlib.metadata as m; print(m.version("${name}"))`]);
  return stdout.trim() || "unknown";
}

/** In the environment itself: an older one of the system's packages is not meant. */
export function hasPackages(names: readonly string[]): boolean {
  const library = join(VENV, "lib");
  if (!existsSync(library)) return false;
  const installed = readdirSync(library).flatMap((python) => readdirSync(join(library, python, "site-packages")));
  return names.every((name) => installed.some((each) => each.toLowerCase().startsWith(`${name}-`)));
}

/** Undefined when they are there, else why not. */
export function installPackages(names: readonly string[]): string | undefined {
  if (!existsSync(inVenv("python"))) {
    const made = run([PYTHON, "-m", "venv", "--clear", "--system-site-packages", VENV]);
    if (made.code !== 0) return `${PYTHON} -m venv failed: ${made.stderr.trim().split("\n").at(-1)}`;
  }
  const pip = [inVenv("python"), "-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check"];
  const { code, stderr } = run([...pip, ...names]);
  return code === 0 ? undefined : `pip install ${names.join(" ")} failed: ${stderr.trim().split("\n").at(-1)}`;
}
