/**
 * `make docs`: writes docs/config.md from the schema and docs/commands.md from the table of commands. With --check it writes
 * nothing, and says which of them is not what it should be.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../src/cli/cli.ts";
import { commandsMarkdown } from "../src/cli/reference.ts";
import { referenceMarkdown } from "../src/config/reference.ts";

const PAGES: readonly (readonly [path: string, text: string])[] = [
  ["docs/config.md", referenceMarkdown()],
  ["docs/commands.md", commandsMarkdown(COMMANDS)],
];

const checks = process.argv.includes("--check");
const root = join(import.meta.dir, "..");
const stale = PAGES.filter(([path, text]) => {
  const file = join(root, path);
  return !existsSync(file) || readFileSync(file, "utf8") !== text;
});
for (const [path, text] of stale) {
  if (checks) console.error(`docs: ${path} is not what the tables say; make docs writes it anew`);
  else writeFileSync(join(root, path), text);
}
process.exit(checks && stale.length > 0 ? 1 : 0);
