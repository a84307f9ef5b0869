/** Debian packages: what is missing is installed where that is possible (root and apt-get), else the reason is told. */
import { run } from "./run.ts";

const APT = { DEBIAN_FRONTEND: "noninteractive" };
let updated = false;

/** Undefined when all of them are installed, else why not, with the remedy. */
export function installDebian(packages: readonly string[], say: (line: string) => void): string | undefined {
  if (Bun.which("apt-get") === null) return `${packages.join(" ")} not installed, and there is no apt-get here`;
  if (process.getuid?.() !== 0) return `not root; remedy: sudo apt-get install ${packages.join(" ")}`;
  say(`apt-get: ${packages.join(" ")}`);
  if (!updated) run(["apt-get", "-qq", "update"], { env: APT });
  updated = true;
  const installed = run(["apt-get", "-qq", "-y", "install", "--no-install-recommends", ...packages], { env: APT });
  if (installed.code === 0) return undefined;
  return `apt-get install ${packages.join(" ")} failed: ${installed.stderr.trim().split("\n").at(-1)}`;
}
