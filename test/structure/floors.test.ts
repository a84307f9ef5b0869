/** The house is in order, and the rule for floors, cycles and dead files finds what it is for. */
import { describe, expect, test } from "bun:test";
import { checkAll } from "../../scripts/tidy/rules.ts";
import { makeSource } from "../../scripts/tidy/source.ts";
import { readKnownSizes, readSources } from "../../scripts/tidy/tree.ts";

test("the sources keep every rule of the house", () => {
  const findings = checkAll(readSources(), readKnownSizes());
  expect(findings.map(({ path, line, rule, message }) => `${path}:${line}: [${rule}] ${message}`)).toEqual([]);
});

test("the list of known sizes is empty: nothing has been granted yet", () => {
  expect(readKnownSizes()).toEqual({});
});

/** `rule path:line` of each finding over files that do not exist. */
function findingsOf(files: Readonly<Record<string, string>>, rule: string): string[] {
  const sources = Object.entries(files).map(([path, text]) => makeSource(path, text));
  return checkAll(sources, {})
    .filter((finding) => finding.rule === rule)
    .map((finding) => `${finding.path}:${finding.line}`);
}

describe("floors", () => {
  const refused: readonly (readonly [name: string, path: string, imports: string])[] = [
    ["base imports nothing", "src/base/a.ts", "../os/b.ts"],
    ["a lower room does not import a higher one", "src/net/a.ts", "../exchange/b.ts"],
    ["a type counts as well", "src/exchange/a.ts", "../apps/b.ts"],
    ["files does not know proxy", "src/files/a.ts", "../proxy/b.ts"],
    ["services does not know apps", "src/services/a.ts", "../apps/b.ts"],
    ["net does not know protocol", "src/net/a.ts", "../protocol/http/b.ts"],
    ["apps does not see the configuration", "src/apps/a.ts", "../config/config.ts"],
    ["front does not know master", "src/front/a.ts", "../master/b.ts"],
    ["cli does not reach into front", "src/cli/a.ts", "../front/messages.ts"],
    ["http1 does not know uwsgi", "src/protocol/http1/a.ts", "../uwsgi/b.ts"],
    ["http does not know http1", "src/protocol/http/a.ts", "../http1/b.ts"],
    ["the product does not import tests", "src/cli/a.ts", "../../test/support/b.ts"],
    ["a room that is not in the table", "src/attic/a.ts", "../base/b.ts"],
  ];
  test.each(refused)("refused: %s", (_name, path, imports) => {
    expect(findingsOf({ [path]: `import type { b } from "${imports}";\n` }, "floors")).toEqual([`${path}:1`]);
  });

  const allowed: readonly (readonly [name: string, path: string, statement: string])[] = [
    ["downwards", "src/apps/a.ts", 'import { b } from "../exchange/b.ts";'],
    ["inside a room", "src/apps/a.ts", 'import { b } from "./deeper/b.ts";'],
    ["http1 from http", "src/protocol/http1/a.ts", 'import { b } from "../http/b.ts";'],
    ["master from the messages of front", "src/master/a.ts", 'import { b } from "../front/messages.ts";'],
    ["cli from master", "src/cli/a.ts", 'const m = await import("../master/master.ts");'],
    ["the thread's address", "src/master/a.ts", 'new Worker(new URL("../front/thread.ts", import.meta.url));'],
    ["the version", "src/cli/a.ts", 'import p from "../../package.json";'],
  ];
  test.each(allowed)("allowed: %s", (_name, path, statement) => {
    expect(findingsOf({ [path]: `${statement}\n` }, "floors")).toEqual([]);
  });

  test("what stands in a comment or a string is no import", () => {
    const text = '// import { a } from "../cli/a.ts";\nconst s = `import { a } from "../cli/a.ts"`;\n';
    expect(findingsOf({ "src/base/a.ts": text }, "floors")).toEqual([]);
  });

  test("an import over several lines and a re-export are found, with their line", () => {
    const text = '\nimport {\n  a,\n  type B,\n} from "../net/a.ts";\nexport * from "../cli/b.ts";\n';
    expect(findingsOf({ "src/base/a.ts": text }, "floors")).toEqual(["src/base/a.ts:2", "src/base/a.ts:6"]);
  });
});

describe("cycles", () => {
  test("a circle of three files is found once", () => {
    const files = {
      "src/net/a.ts": 'import { b } from "./b.ts";',
      "src/net/b.ts": 'import { c } from "./c.ts";',
      "src/net/c.ts": 'import { a } from "./a.ts";',
    };
    expect(findingsOf(files, "cycle")).toEqual(["src/net/a.ts:1"]);
  });

  test("a type-only way back is no circle", () => {
    const files = {
      "src/net/a.ts": 'import { b } from "./b.ts";',
      "src/net/b.ts": 'import type { A } from "./a.ts";',
    };
    expect(findingsOf(files, "cycle")).toEqual([]);
  });
});

describe("dead files", () => {
  const files = {
    "src/main.ts": 'import { a } from "./cli/a.ts"; const b = import("./cli/b.ts");',
    "src/cli/a.ts": "",
    "src/cli/b.ts": 'import w from "../apps/python/worker.py" with { type: "text" };',
    "src/apps/python/worker.py": "",
    "src/cli/unused.ts": "",
    "src/cli/manual.ts": "",
    "scripts/docs.ts": 'import { m } from "../src/cli/manual.ts";',
    "test/cli/started.ts": "",
    "test/cli/started.test.ts": 'Bun.spawn([join(import.meta.dir, "started.ts")]);',
    "test/cli/unused.test.ts": 'import { u } from "../../src/cli/unused.ts"; import { s } from "../support/s.ts";',
    "test/support/s.ts": "",
    "test/support/unused.ts": "",
    "scripts/build.ts": "",
    "scripts/tidy/unused.ts": "",
    "test/projects/app.py": "",
  };

  test("a product file that only tests reach is dead, and so is support that no test uses", () => {
    const dead = ["scripts/tidy/unused.ts:1", "src/cli/unused.ts:1", "test/support/unused.ts:1"];
    expect(findingsOf(files, "dead")).toEqual(dead);
  });
});
