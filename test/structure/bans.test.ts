/** Each banned thing is found where it is banned, and its neighbours are left alone. */
import { describe, expect, test } from "bun:test";
import { checkBans } from "../../scripts/tidy/bans.ts";
import { makeSource } from "../../scripts/tidy/source.ts";

const rulesIn = (path: string, text: string) => checkBans([makeSource(path, text)]).map((finding) => finding.rule);

/** In two pieces, or this file would be a finding itself. */
const LATER = "TO" + "DO";
const IGNORE = "@ts-" + "ignore";

describe("refused", () => {
  const cases: readonly (readonly [rule: string, path: string, text: string])[] = [
    ["marker", "src/net/a.ts", `// ${LATER}: later`],
    ["marker", "src/apps/python/worker.py", `# ${LATER}`],
    ["console", "src/net/a.ts", 'console.log("a");'],
    ["only", "test/a.test.ts", 'test.only("a", () => {});'],
    ["skip", "test/a.test.ts", 'describe.skip("a", () => {});'],
    ["skip", "test/a.test.ts", 'test.skipIf(true)("a", () => {});'],
    ["default-export", "src/net/a.ts", "export default 1;"],
    ["enum", "src/net/a.ts", "export const enum Colour { red }"],
    ["any", "src/net/a.ts", "function f(a: any) {}"],
    ["any", "src/net/a.ts", "const a = b as any;"],
    ["any", "src/net/a.ts", "const a: Map<string, any> = b;"],
    ["ts-ignore", "src/net/a.ts", `// ${IGNORE}`],
    ["ffi", "src/net/a.ts", 'import { dlopen } from "bun:ffi";'],
    ["kept-pointer", "src/os/a.ts", "const a = new Int32Array(4);\nlet b = 1;\nconst c = ptr(a);"],
    ["sockets", "src/proxy/a.ts", "Bun.connect({});"],
    ["sans-io", "src/protocol/http1/a.ts", "setTimeout(f, 1);"],
    ["barrel", "src/net/index.ts", ""],
  ];
  test.each(cases)("%s in %s: %s", (rule, path, text) => {
    expect(rulesIn(path, text)).toEqual([rule]);
  });
});

describe("left alone", () => {
  const cases: readonly (readonly [path: string, text: string])[] = [
    ["src/cli/a.ts", "console.log(1);"],
    ["scripts/a.ts", "console.log(1);"],
    ["src/os/a.ts", 'import { dlopen } from "bun:ffi";'],
    ["src/os/a.ts", "const a = new Int32Array(new ArrayBuffer(16));\nconst c = ptr(a);"],
    ["src/os/a.ts", "const a = new Int32Array(4);\nconst c = ptr(b);"],
    ["src/net/a.ts", "Bun.listen({});"],
    ["src/net/a.ts", "// as any reader knows: export default, Bun.connect"],
    ["src/net/a.ts", 'const s = "test.only(enum A {})";'],
    ["src/net/a.ts", "const many = anything(company);"],
    ["test/support/skip.ts", "test.skip(name, body);"],
  ];
  test.each(cases)("in %s: %s", (path, text) => {
    expect(rulesIn(path, text)).toEqual([]);
  });
});
