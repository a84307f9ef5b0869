import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { acquireLock } from "../../src/os/lock-file.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

let folder = "";
beforeEach(() => {
  folder = makeFolder("lock");
});
afterEach(() => removeFolder(folder));

function lock(path: string) {
  const found = acquireLock(path);
  if ("heldBy" in found) throw new Error(`held by ${found.heldBy}`);
  return found;
}

test("who has it is written in it; a second one is told; released it is gone and free", () => {
  const path = join(folder, "a.lock");
  const first = lock(path);
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  expect(acquireLock(path)).toEqual({ heldBy: process.pid });
  first.release();
  expect(existsSync(path)).toBe(false);
  lock(path).release();
});

test("what a dead process left behind is taken over, whatever it holds", () => {
  const path = join(folder, "b.lock");
  writeFileSync(path, "123456789 and more\n");
  const taken = lock(path);
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  taken.release();
});

test("a lock whose file was removed is not mistaken for that of another", () => {
  const path = join(folder, "c.lock");
  const first = lock(path);
  unlinkSync(path);
  const second = lock(path);
  first.release();
  expect(acquireLock(path)).toEqual({ heldBy: process.pid });
  second.release();
});

test("a process that ends, however it does, holds it no longer", async () => {
  const path = join(folder, "d.lock");
  const module = join(import.meta.dir, "../../src/os/lock-file.ts");
  const code = `const { acquireLock } = await import(${JSON.stringify(module)});
    acquireLock(${JSON.stringify(path)}); console.log("has it"); await Bun.sleep(60000);`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  await child.stdout.getReader().read();
  expect(acquireLock(path)).toEqual({ heldBy: child.pid });
  child.kill("SIGKILL");
  await child.exited;
  lock(path).release();
});
