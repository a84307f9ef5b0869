import { describe, expect, test } from "bun:test";
import { parse } from "smol-toml";
import { findPositions, type Path, type Position } from "../../src/config/positions.ts";

function keyAt(toml: string, ...path: Path): string {
  return show(findPositions(toml).ofKey(path));
}

function valueAt(toml: string, ...path: Path): string {
  return show(findPositions(toml).ofValue(path));
}

function show(position: Position): string {
  return `${position.line}:${position.column}`;
}

describe("a key stands where it is written", () => {
  test.each([
    ["a = 1", ["a"], "1:1", "1:5"],
    ["\n\n  a   =   1", ["a"], "3:3", "3:11"],
    ["[t]\na = 1", ["t", "a"], "2:1", "2:5"],
    ["[t]\na = 1", ["t"], "1:2", "1:2"],
    ["[ t . u ]\na = 1", ["t", "u"], "1:7", "1:7"],
    ["t.u.a = 1", ["t"], "1:1", "1:1"],
    ["t.u.a = 1", ["t", "u", "a"], "1:5", "1:9"],
    ['t . "u.v" . a=1', ["t", "u.v", "a"], "1:13", "1:15"],
    [`"a b" = 1\n'c"d' = 2`, ['c"d'], "2:1", "2:9"],
    ['"\\u0061" = 1', ["a"], "1:1", "1:12"],
    ['"= /x" = { files = "y", cache = "1d" }', ["= /x", "cache"], "1:25", "1:33"],
    ["a = { b.c = 1, d = { e = 2 } }", ["a", "b", "c"], "1:9", "1:13"],
    ["a = { b.c = 1, d = { e = 2 } }", ["a", "d", "e"], "1:22", "1:26"],
    ["a = [1, [2, 3], { b = 4 }]", ["a", 1, 1], "1:13", "1:13"],
    ["a = [1, [2, 3], { b = 4 }]", ["a", 2, "b"], "1:19", "1:23"],
    ['a = [ # "x\n  "]", # ]\n  2,\n]\nb = 1', ["a", 1], "3:3", "3:3"],
    ['a = [ # "x\n  "]", # ]\n  2,\n]\nb = 1', ["b"], "5:1", "5:5"],
    ['a = """\nb = 2\n\\""" c = 3\n"""""\nb = 1', ["b"], "5:1", "5:5"],
    ["a = '''\nb = 2\n\\'''\nb = 1", ["b"], "4:1", "4:5"],
    ['a = ""\nb = 1', ["b"], "2:1", "2:5"],
    ['a = "\\\\"\nb = 1', ["b"], "2:1", "2:5"],
    ["a = '\\'\nb = 1", ["b"], "2:1", "2:5"],
    ["a = 1979-05-27 07:32:00 # b = 2\nb = 1", ["b"], "2:1", "2:5"],
    ["a = 1\r\nb = 2\r\n", ["b"], "2:1", "2:5"],
    ["a = {\n  b = 1, # c\n  c = 2,\n}\nd = 3", ["a", "c"], "3:3", "3:7"],
  ] satisfies [string, Path, string, string][])("%p %p", (toml, path, key, value) => {
    parse(toml);
    expect([keyAt(toml, ...path), valueAt(toml, ...path)]).toEqual([key, value]);
  });
});

describe("arrays of tables", () => {
  const toml =
    '[[site]]\nnames = ["a"]\n[site.routes]\n"/" = 1\n\n[[site]]\n[site.routes]\n"/" = 2\n[site.more]\nx = 1';

  test("each header opens the next element", () => {
    expect(keyAt(toml, "site")).toBe("1:3");
    expect(keyAt(toml, "site", 0)).toBe("1:3");
    expect(keyAt(toml, "site", 1)).toBe("6:3");
  });

  test("a sub-table belongs to the last element", () => {
    expect(keyAt(toml, "site", 0, "routes", "/")).toBe("4:1");
    expect(keyAt(toml, "site", 1, "routes", "/")).toBe("8:1");
    expect(keyAt(toml, "site", 1, "more", "x")).toBe("10:1");
  });

  test("they nest", () => {
    const nested = "[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\nx = 2\n[[a]]\n[[a.b]]\nx = 3";
    expect(valueAt(nested, "a", 0, "b", 1, "x")).toBe("5:5");
    expect(valueAt(nested, "a", 1, "b", 0, "x")).toBe("8:5");
  });
});

test("what is not written stands at the nearest table around it", () => {
  const toml = "[app.x]\nroot = 1";
  expect(keyAt(toml, "app", "x", "wsgi")).toBe("1:6");
  expect(keyAt(toml, "nothing", "here")).toBe("1:1");
});

/** A small generator of valid TOML: every style of key, string, array and table that the scanner has to walk over. */
class Writer {
  private serial = 0;
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  document(): string {
    const lines: string[] = [this.pairs()];
    for (let i = this.below(5); i > 0; i--) lines.push(this.table());
    return lines.join(this.below(4) === 0 ? "\r\n" : "\n");
  }

  private table(): string {
    const name = this.key();
    if (this.below(2) === 0) return `[ ${name} ] ${this.comment()}\n${this.pairs()}`;
    const element = () => `[[${name}]]\n${this.pairs()}\n[${name}.${this.key()}]\n${this.pairs()}`;
    return Array.from({ length: 1 + this.below(3) }, element).join("\n");
  }

  private pairs(): string {
    return Array.from({ length: this.below(4) }, () => `${this.pair(3)} ${this.comment()}`).join("\n");
  }

  private pair(depth: number): string {
    const key = this.below(3) === 0 ? `${this.key()} . ${this.key()}` : this.key();
    return `${key}${this.pick(["=", " = ", "\t=  "])}${this.value(depth)}`;
  }

  private key(): string {
    const n = this.serial++;
    return this.pick([`k${n}`, `-${n}`, `"k.${n}"`, `'[${n}]'`, `"\\u00e9${n} = #"`, `"${n}\\"]"`, `'${n}"'`]);
  }

  private value(depth: number): string {
    const nested = depth > 0 ? 2 : 0;
    switch (this.below(6 + nested)) {
      case 6:
        return `[${this.pick(["", "\n", " # ],\n"])}${this.items(() => this.value(depth - 1))}]`;
      case 7:
        return `{ ${this.items(() => this.pair(depth - 1))} }`;
      default:
        return this.scalar();
    }
  }

  private scalar(): string {
    const n = this.serial++;
    const plain = [`${n}`, `-${n}.5`, "true", `1979-05-27 07:32:00.${n}Z`, `0x${n}`];
    const strings = [`"${n} # ] } \\" \\\\"`, `'${n} \\'`, `""`, `''`, `"""${n}\n[a]\n\\""" ""`];
    return this.pick([...plain, ...strings.slice(0, 4), `${strings[4]}"""`, `'''\n${n} = "\n'''''`, `""""${n}"""""`]);
  }

  private items(item: () => string): string {
    const items = Array.from({ length: this.below(4) }, item);
    return items.join(this.pick([",", " , ", ",\n", ", # ,\n"]));
  }

  private comment(): string {
    return this.pick(["", "", "# a = 1", '# """', "#["]);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  private below(n: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * n);
  }
}

function offsetOf(text: string, { line, column }: Position): number {
  const before = text.split("\n").slice(0, line - 1);
  return before.reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
}

/** True when some text that begins at `offset` reads as `value`. */
function readsAs(text: string, offset: number, value: unknown): boolean {
  for (let end = offset + 1; end <= text.length; end++) {
    try {
      if (Bun.deepEquals(parse(`v = ${text.slice(offset, end)}`)["v"], value)) return true;
    } catch {
      // not yet a whole value
    }
  }
  return false;
}

function leaves(value: unknown, path: Path = []): [Path, unknown][] {
  if (typeof value !== "object" || value === null || value instanceof Date) return [[path, value]];
  const entries = Array.isArray(value) ? value.map((each, i) => [i, each] as const) : Object.entries(value);
  return entries.flatMap(([key, each]) => leaves(each, [...path, key]));
}

test("every value of random documents is found where it reads as itself, and so is its key", () => {
  let checked = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const toml = new Writer(seed).document();
    const positions = findPositions(toml);
    for (const [path, value] of leaves(parse(toml))) {
      const offset = offsetOf(toml, positions.ofValue(path));
      const key = path.at(-1);
      const found = readsAs(toml, offset, value) && toml[offset]?.trim() !== "";
      const keyOffset = offsetOf(toml, positions.ofKey(path));
      const keyFound = typeof key !== "string" || readsAsKey(toml.slice(keyOffset), key);
      expect({ seed, path, found, keyFound }).toEqual({ seed, path, found: true, keyFound: true });
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(1000);
});

function readsAsKey(text: string, key: string): boolean {
  const raw = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w-]+)/.exec(text)?.[0];
  return raw !== undefined && Object.keys(parse(`${raw} = 1`))[0] === key;
}

test("it ends on any text, TOML or not", () => {
  const pieces = ["[", "]", "[[", "{", "}", '"', "'", '"""', "\\", "=", ".", ",", "#", "\n", "a", " ", "é", "\0"];
  for (let seed = 1; seed <= 2000; seed++) {
    let state = seed;
    const next = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 8;
    const text = Array.from({ length: 12 }, () => pieces[next() % pieces.length]).join("");
    expect(findPositions(text).ofKey(["a"]).line).toBeGreaterThan(0);
  }
});
