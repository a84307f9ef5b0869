/** `server man`: pages that mandoc and groff take without a warning, and that say what the tables say. */
import { expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/cli.ts";
import { commandsPage, filePage } from "../../src/cli/man-pages.ts";
import { commandsMarkdown } from "../../src/cli/reference.ts";
import { SECTIONS } from "../../src/config/reference.ts";
import { testUnless } from "../support/skip.ts";

const PAGES = [
  ["server(1)", commandsPage(COMMANDS)],
  ["server.toml(5)", filePage()],
] as const;

const missing = (name: string) => (Bun.which(name) === null ? `${name} is not installed` : undefined);

function output(command: readonly string[], input: string): string {
  const { stdout, stderr } = Bun.spawnSync([...command], {
    stdin: Buffer.from(input),
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
  return stdout.toString() + stderr.toString();
}

test("an option without a letter has none", () => {
  for (const [, page] of PAGES) expect(page).not.toContain("undefined");
  expect(commandsMarkdown(COMMANDS)).not.toContain("undefined");
});

for (const [name, page] of PAGES) {
  testUnless(missing("mandoc"))(`mandoc finds nothing to warn of in ${name}`, () => {
    expect(output(["mandoc", "-T", "lint", "-W", "warning"], page)).toBe("");
  });

  testUnless(missing("groff"))(`groff finds nothing to warn of in ${name}`, () => {
    expect(output(["groff", "-man", "-ww", "-z", "-k", "-Tutf8"], page)).toBe("");
  });
}

testUnless(missing("mandoc"))("they show every command, option and key", () => {
  const [commands, file] = PAGES.map(([, page]) => output(["mandoc", "-T", "html"], page).replace(/\s+/g, " "));
  for (const { name, options } of COMMANDS) {
    const shown = [`>${name}</a></h2>`, ...Object.keys(options).map((option) => `<b>--${option}</b>`)];
    expect(shown.filter((each) => !commands?.includes(each))).toEqual([]);
  }
  for (const { title, schema } of SECTIONS) {
    const shown = [`>${title}</a></h1>`, ...Object.keys(schema).map((name) => `<b>${name}</b>`)];
    expect(shown.filter((each) => !file?.includes(each))).toEqual([]);
  }
});
