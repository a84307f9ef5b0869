/**
 * What the README and docs show can be done: each TOML block is a configuration, or a part of one, that loads; each line of a shell
 * block names a command, a make target or a program that there is; links lead somewhere.
 */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArguments } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/cli.ts";
import { loadTranslated } from "../../src/config/load.ts";
import { readResults } from "../../scripts/bench/results.ts";
import { shortTable } from "../../scripts/bench/report/page.ts";
import { makeFolder, removeFolder, ROOT, writeFiles } from "../support/folder.ts";

/** Reference pages are made from the schema, which has tests of its own for what it shows. */
const GENERATED = new Set(["config.md", "commands.md"]);
const docs = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
const PAGES = ["README.md", ...docs.filter((name) => !GENERATED.has(name)).map((name) => `docs/${name}`)];

interface Block {
  readonly page: string;
  readonly line: number;
  readonly text: string;
}

function blocks(language: string): Block[] {
  return PAGES.flatMap((page) => {
    const text = readFileSync(join(ROOT, page), "utf8");
    const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"));
    return [...found].map((match) => ({
      page,
      line: text.slice(0, match.index).split("\n").length,
      text: match[1] ?? "",
    }));
  });
}

const folder = makeFolder("docs");
afterAll(() => removeFolder(folder));
writeFiles(folder, {
  "mysite/wsgi.py": "",
  "static/favicon.ico": "",
  "media/x": "",
  "protected/x": "",
  "fullchain.pem": "",
  "privkey.pem": "",
  "zone.sh": "#!/bin/sh\n",
});
chmodSync(join(folder, "zone.sh"), 0o755);
for (const name of [".venv/bin", "log"]) mkdirSync(join(folder, name), { recursive: true });
for (const name of ["python", "celery"]) {
  symlinkSync(Bun.which("python3") ?? "/usr/bin/python3", join(folder, ".venv/bin", name));
}

const APP = `[app.mysite]\nroot = "."\nwsgi = "mysite.wsgi:application"\n`;
const SITE = '[[site]]\nlisten = ["127.0.0.1:8080"]\n';

/** A part of a configuration, with what it leaves to the reader. */
function complete(block: string): string {
  let text = block.replaceAll("/var/log/mysite", join(folder, "log")).replaceAll("/etc/server/", `${folder}/`);
  // Keys alone are of a site.
  if (!/^\s*(?:#[^\n]*\n\s*)*\[/.test(text)) text = `[[site]]\n${text}`;
  // Routes alone continue a site that stands above them in the page.
  if (has(text, "[site.routes]") && !has(text, "[[site]]"))
    text = text.replace("[site.routes]", `${SITE}[site.routes]`);
  if (has(text, "[app.mysite]") && !/^wsgi\s*=/m.test(text)) text = text.replace("[app.mysite]\n", APP);
  if (!has(text, "[[site]]")) text += `\n${SITE}[site.routes]\n"/" = { app = "mysite" }\n`;
  // A site of which only the head is shown.
  if (!has(text, "[site.routes]")) text += '\n[site.routes]\n"/" = { app = "mysite" }\n';
  return text.includes('"mysite"') && !has(text, "[app.mysite]") ? `${text}\n${APP}` : text;
}

const has = (text: string, table: string) => text.split("\n").includes(table);

const ENVIRONMENT = { PATH: process.env["PATH"], SECRET_KEY: "a secret", SERVER_RUN_AS_ROOT: "1" };

test("there are blocks of both kinds", () => {
  expect(blocks("toml").length).toBeGreaterThan(10);
  expect(blocks("sh").length).toBeGreaterThan(10);
});

for (const { page, line, text } of blocks("toml")) {
  test(`${page}:${line} is a configuration`, () => {
    const { config, problems } = loadTranslated(join(folder, "server.toml"), complete(text), ENVIRONMENT);
    expect(problems).toEqual([]);
    expect(config).toBeDefined();
  });
}

/** Of the system, and of a project's virtualenv. */
const PROGRAMS = /^(?:apk|cd|chown|curl|git|install|ln|python3|sh|systemctl|nginx|uwsgi|\.venv\/bin\/(?:pip|python))$/;
const TARGETS = new Set(
  [...readFileSync(join(ROOT, "Makefile"), "utf8").matchAll(/^([a-z-]+):/gm)].map((match) => match[1]),
);

/** The command lines of a block, without comments. */
function lines({ text }: Block): string[] {
  return text
    .split(/\n|&&/)
    .map((line) => line.replace(/\s#.*$|^#.*$/, "").trim())
    .filter((line) => line !== "");
}

function wrongWith(line: string): string | undefined {
  const words = line.split(/\s*[|>]\s*/)[0]?.split(/\s+/) ?? [];
  const program = words.find((word) => !/^[A-Z_]+=/.test(word)) ?? "";
  const rest = words.slice(words.indexOf(program) + 1).map((word) => word.replace(/^['"]|['"]$/g, ""));
  if (program === "make")
    return rest.every((word) => TARGETS.has(word) || word.includes("=")) ? undefined : "no such target";
  if (program !== "server") return PROGRAMS.test(program) ? undefined : "no program that is known here";
  const [name = "", ...words2] = rest;
  if (/^(?:--ini|-c)$/.test(name)) return undefined;
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) return `no command ${name}`;
  if (command.raw === true) return undefined;
  const given = parseArguments(words2, command);
  return typeof given === "string" ? given : undefined;
}

const isScript = ({ text }: Block) => text.startsWith("#!");

for (const { page, line, text } of blocks("sh").filter(isScript)) {
  test(`${page}:${line} is a script that a shell can read`, () => {
    const { exitCode, stderr } = Bun.spawnSync(["sh", "-n", "-c", text]);
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  });
}

for (const block of blocks("sh").filter((each) => !isScript(each))) {
  test(`${block.page}:${block.line} names what there is`, () => {
    expect(
      lines(block)
        .map((line) => [line, wrongWith(line)])
        .filter(([, wrong]) => wrong !== undefined),
    ).toEqual([]);
  });
}

/** In a table's code the bar is escaped. */
const inline = (page: string) =>
  [...readFileSync(join(ROOT, page), "utf8").matchAll(/`(server [a-z]+[^`\n]*)`/g)].map((match) => match[1] as string);

for (const page of PAGES) {
  test(`commands in the text of ${page} are there`, () => {
    // `server status --json` as it is typed; in capitals stands what the reader has to fill in.
    const wrong = inline(page).map((line) => [line, wrongWith(line)]);
    expect(wrong.filter(([, why]) => why !== undefined)).toEqual([]);
  });

  test(`links of ${page} lead somewhere`, () => {
    const text = readFileSync(join(ROOT, page), "utf8");
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
    const local = targets.filter((target) => !/^(?:https?:|#)/.test(target)).map((target) => target.replace(/#.*/, ""));
    expect(local.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });
}

test("the README's figures are those of the last bench", () => {
  const results = readResults(join(ROOT, "docs/bench/results.json"));
  const cells = (text: string) => text.split("\n").map((line) => line.replace(/[\s:-]+/g, ""));
  const shown = /<!-- bench: written by make bench -->([\s\S]*?)<!-- \/bench -->/.exec(
    readFileSync(join(ROOT, "README.md"), "utf8"),
  );
  expect(results).toBeDefined();
  const wanted = results === undefined ? "" : shortTable(results);
  expect(cells((shown?.[1] ?? "").trim())).toEqual(cells(wanted));
});
