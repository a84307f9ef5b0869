/**
 * The JSON Schema for editors, judged by Python's jsonschema: it is a schema; it takes every configuration that the loader
 * takes (the cases, the samples of README and docs), and refuses what has a wrong shape.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { editorSchema } from "../../src/config/editor-schema.ts";
import { SECTIONS } from "../../src/config/reference.ts";
import { ROOT as ROOT_KEYS } from "../../src/config/schema.ts";
import { makeFolder, removeFolder, ROOT } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const PYTHON = "/usr/bin/python3";
const hasJudge = Bun.spawnSync([PYTHON, "-c", "import jsonschema"]).exitCode === 0;
const testJudged = testUnless(hasJudge ? undefined : "python3-jsonschema is not installed");

/** Reads {schema, documents} from stdin and says of each document what is wrong with it. */
const JUDGE = `
import json, sys
from jsonschema import Draft7Validator
given = json.load(sys.stdin)
Draft7Validator.check_schema(given["schema"])
judge = Draft7Validator(given["schema"])
print(json.dumps([[f"{list(e.absolute_path)}: {e.message[:200]}" for e in judge.iter_errors(d)] for d in given["documents"]]))
`;

let folder = "";
beforeAll(() => (folder = makeFolder("editor-schema")));
afterAll(() => removeFolder(folder));

function judge(documents: readonly unknown[]): string[][] {
  const file = join(folder, "given.json");
  // Numbers beyond 2^53 are bigint.
  const plain = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);
  writeFileSync(file, JSON.stringify({ schema: editorSchema(), documents }, plain));
  const { exitCode, stdout, stderr } = Bun.spawnSync([PYTHON, "-c", JUDGE], { stdin: Bun.file(file) });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString()) as string[][];
}

/** Every TOML sample of README and docs; most are pieces of a file, which every key of the root may be. */
function samples(): { name: string; toml: string }[] {
  const files = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)];
  return files
    .filter((name) => name.endsWith(".md"))
    .flatMap((name) => {
      const text = readFileSync(join(ROOT, name), "utf8");
      return [...text.matchAll(/^```toml\n(.*?)^```/gms)].map((found, i) => ({
        name: `${name} ${i}`,
        toml: found[1] ?? "",
      }));
    });
}

/** Where a table stands whose keys a piece shows without its header. */
const AROUND: Readonly<Record<string, (inner: object) => object>> = {
  server: (inner) => ({ server: inner }),
  site: (inner) => ({ site: [inner] }),
  app: (inner) => ({ app: { x: inner } }),
  upstream: (inner) => ({ upstream: { x: inner } }),
};

/** `"/static/" = …`, `"= /x" = …`, `"~ regex" = …` */
const isPattern = (key: string) => /^[/=~]/.test(key);

/** A piece that begins inside of a table is put into one; sites, apps and upstreams that show only some keys get the rest. */
function completed(toml: string): unknown {
  const inSite = toml.includes("[[site]]") ? toml : toml.replace(/^(?=\[\[?site\.)/m, "[[site]]\n");
  const written = parse(inSite) as Record<string, unknown>;
  const inner = Object.keys(written).filter((key) => !Object.hasOwn(ROOT_KEYS, key));
  const section = SECTIONS.find(
    ({ paths: [path = ""], schema }) => Object.hasOwn(AROUND, path) && inner.every((key) => Object.hasOwn(schema, key)),
  );
  const wrap = inner.length === 0 ? undefined : AROUND[section?.paths[0] ?? ""];
  const isRoutes = inner.length > 0 && inner.every(isPattern);
  const routed = isRoutes ? { site: [{ routes: written }] } : undefined;
  const document = (routed ?? wrap?.(written) ?? written) as Record<string, unknown>;
  for (const site of (document["site"] ?? []) as Record<string, unknown>[]) site["routes"] ??= {};
  const each = (name: string) => Object.values((document[name] ?? {}) as Record<string, Record<string, unknown>>);
  for (const app of each("app")) app["wsgi"] ??= "m:a";
  for (const upstream of each("upstream")) upstream["servers"] ??= "x:1";
  return document;
}

testJudged("it is a schema, and takes every case that the loader takes", () => {
  const cases = join(ROOT, "test/cases/config");
  const names = readdirSync(cases).filter((name) => /^(?:ok|warn)_.*\.toml$/.test(name));
  const documents = names.map((name) => parse(readFileSync(join(cases, name), "utf8")));
  expect(names.length).toBeGreaterThan(4);
  expect(judge(documents).map((problems, i) => [names[i], problems])).toEqual(names.map((name) => [name, []]));
});

testJudged("it takes every TOML sample of README and docs", () => {
  const all = samples();
  expect(all.length).toBeGreaterThan(10);
  const problems = judge(all.map(({ toml }) => completed(toml)));
  expect(problems.map((each, i) => [all[i]?.name, each])).toEqual(all.map(({ name }) => [name, []]));
});

describe("it refuses what has a wrong shape", () => {
  const site = { listen: [80], routes: { "/": { app: "x" } } };
  const wrong: readonly (readonly [string, unknown])[] = [
    ["an unknown key", { server: { frontz: 2 } }],
    ["an unknown table", { serverr: {} }],
    ["a number beyond its bounds", { server: { fronts: 257 } }],
    ["a word that is no choice", { server: { log_level: "loud" } }],
    ["no duration", { server: { header_timeout: "30 parsecs" } }],
    ["no size", { server: { max_header_size: "64kilos" } }],
    ["a single [site]", { site }],
    ["a site without routes", { site: [{ listen: [80] }] }],
    ["an app without wsgi", { app: { x: { root: "." } } }],
    ["a port beyond 65535", { site: [{ ...site, listen: [70000] }] }],
    ["a route's unknown key", { site: [{ ...site, routes: { "/": { app: "x", cahce: "1d" } } }] }],
  ];
  testJudged("each of them", () => {
    const problems = judge(wrong.map(([, document]) => document));
    const passed = wrong.filter((_, i) => problems[i]?.length === 0).map(([name]) => name);
    expect(passed).toEqual([]);
  });

  testJudged("but not what the environment may make right", () => {
    const document = { server: { fronts: "$ENV{FRONTS:-2}", log_level: "$ENV{LEVEL}", merge_slashes: "$ENV{MERGE}" } };
    expect(judge([document])).toEqual([[]]);
  });
});

test("every key has its description, and its default where it is a value", () => {
  const text = JSON.stringify(editorSchema());
  for (const { schema } of SECTIONS) {
    for (const [name, key] of Object.entries(schema)) {
      expect({ name, has: text.includes(JSON.stringify(key.doc).slice(1, -1)) }).toEqual({ name, has: true });
    }
  }
  expect(text).toContain('"default":"30s"');
});
