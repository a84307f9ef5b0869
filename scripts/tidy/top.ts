/** What stands at the top of the project is a closed list: a file that a trial left there is a finding. */
import type { Finding } from "./source.ts";

const KEPT = [
  ".ci",
  ".gitignore",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "LICENSE",
  "Makefile",
  "README.md",
  "bun.lock",
  "bunfig.toml",
  "docs",
  "package.json",
  "scripts",
  "src",
  "test",
  "tsconfig.json",
];

/** `names`: of what is committed. */
export function checkTop(names: readonly string[]): Finding[] {
  const extra = names.filter((name) => !KEPT.includes(name));
  const missing = KEPT.filter((name) => !names.includes(name));
  const found = (path: string, message: string) => ({ path, line: 1, rule: "top", message });
  return [
    ...extra.map((name) =>
      found(name, "does not belong at the top of the project; remove it, or enter it in scripts/tidy/top.ts"),
    ),
    ...missing.map((name) => found(name, "is missing")),
  ];
}
