import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { firstChange, snapshotFiles, snapshotTrees } from "../../src/master/snapshot.ts";
import { Watch } from "../../src/master/watch.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { until } from "../support/wait.ts";

let folder = "";
beforeEach(() => {
  folder = makeFolder("snapshot");
});
afterEach(() => removeFolder(folder));

const at = (name: string) => join(folder, name);

test("sources, templates and translations count; caches, virtualenvs, hidden folders and data do not", () => {
  const counted = ["manage.py", "site/views.py", "site/templates/a.html", "locale/de/django.mo", ".env", "native.so"];
  const ignored = [
    "site/__pycache__/views.py",
    ".git/hooks/x.py",
    ".venv/lib/a.py",
    "env/lib/b.py",
    "node_modules/x/c.html",
    "vendor/site-packages/d.py",
    "db.sqlite3",
    "media/photo.jpg",
    "site/views.pyc",
    "views.py~",
  ];
  writeFiles(folder, Object.fromEntries([...counted, ...ignored, "env/pyvenv.cfg"].map((name) => [name, "x"])));
  const found = [...snapshotTrees([folder]).keys()].map((path) => relative(folder, path));
  expect(found.sort()).toEqual(counted.sort());
});

test("links to folders are followed, once, also in circles; a folder in another is looked at once", () => {
  writeFiles(folder, { "root/a.py": "", "shared/b.py": "" });
  symlinkSync(at("shared"), at("root/linked"));
  symlinkSync(at("root"), at("root/circle"));
  const found = [...snapshotTrees([at("root"), at("root/linked"), at("missing")]).keys()];
  expect(found.map((path) => relative(folder, path)).sort()).toEqual(["root/a.py", "root/linked/b.py"]);
});

describe("what is a change", () => {
  const changes: readonly (readonly [name: string, change: () => void, path: string])[] = [
    ["another size", () => writeFileSync(at("a.py"), "longer"), "a.py"],
    ["another time", () => utimesSync(at("a.py"), 1, 1), "a.py"],
    ["a new file", () => writeFileSync(at("b.py"), ""), "b.py"],
    ["a file in a new folder", () => (mkdirSync(at("new")), writeFileSync(at("new/c.py"), "")), "new/c.py"],
    ["a removed file", () => unlinkSync(at("a.py")), "a.py"],
    [
      "one renamed over it, as editors do",
      () => {
        writeFileSync(at("a.py.tmp"), "x");
        utimesSync(at("a.py.tmp"), 1000, 1000);
        renameSync(at("a.py.tmp"), at("a.py"));
      },
      "a.py",
    ],
  ];
  test.each(changes)("%s", (_name, change, path) => {
    writeFileSync(at("a.py"), "x");
    utimesSync(at("a.py"), 1000, 1000);
    const before = snapshotTrees([folder]);
    expect(firstChange(before, snapshotTrees([folder]))).toBeUndefined();
    change();
    expect(firstChange(before, snapshotTrees([folder]))).toBe(at(path));
  });
});

test("single files: their making, touching and removal", () => {
  const look = () => snapshotFiles([at("stamp")]);
  const absent = look();
  expect(firstChange(absent, look())).toBeUndefined();
  writeFileSync(at("stamp"), "");
  const there = look();
  expect(firstChange(absent, there)).toBe(at("stamp"));
  utimesSync(at("stamp"), 5, 5);
  expect(firstChange(there, look())).toBe(at("stamp"));
  unlinkSync(at("stamp"));
  expect(firstChange(there, look())).toBe(at("stamp"));
});

test("several changes at once are one; one that comes while it is acted on is another; none after stop", async () => {
  let state = "0";
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const watch = new Watch({
    look: () => new Map([["file", state]]),
    changed: async () => {
      seen.push(state);
      if (seen.length === 1) await gate.promise;
    },
  });
  watch.start();
  state = "1";
  await Bun.sleep(550);
  state = "2";
  await until("change", 5000, () => seen.length === 1);
  expect(seen).toEqual(["2"]);
  state = "3";
  gate.resolve();
  await until("second change", 5000, () => seen.length === 2);
  expect(seen).toEqual(["2", "3"]);
  watch.stop();
  state = "4";
  await Bun.sleep(800);
  expect(seen).toEqual(["2", "3"]);
});
