import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executableOf } from "../../src/os/executable.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

let folder = "";
let real = "";

beforeAll(() => {
  folder = makeFolder("executable");
  mkdirSync(join(folder, "1.0"));
  real = join(folder, "1.0/server");
  writeFileSync(real, "", { mode: 0o755 });
  symlinkSync("1.0", join(folder, "current"));
  symlinkSync("1.0/server", join(folder, "uwsgi"));
});
afterAll(() => removeFolder(folder));

test("it goes by the name that it was called by, so that a link may be put elsewhere", () => {
  expect(executableOf(join(folder, "current/server"), real)).toBe(join(folder, "current/server"));
  expect(executableOf(real, real)).toBe(real);
});

test("a name that is another program, or tells what to do, is not taken", () => {
  expect(executableOf("/usr/bin/env", real)).toBe(real);
  expect(executableOf("no-program-of-this-name", real)).toBe(real);
  expect(executableOf(join(folder, "uwsgi"), real)).toBe(real);
});

test("what was replaced meanwhile is meant by its name", () => {
  expect(executableOf("server", `${real} (deleted)`)).toBe(real);
});
