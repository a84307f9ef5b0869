import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { editableFolders } from "../../src/master/editable.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

let folder = "";
beforeEach(() => {
  folder = makeFolder("editable");
});
afterEach(() => removeFolder(folder));

test("the folders of .pth files and of setuptools' finders, if they are there; code in .pth files is not run", () => {
  for (const name of ["src-layout/src", "flat/package", "other one"])
    mkdirSync(join(folder, name), { recursive: true });
  const packages = "venv/lib/python3.12/site-packages";
  const mapping = { package: join(folder, "flat/package"), gone: join(folder, "gone") };
  const written = Object.entries(mapping).map(([name, path]) => `'${name}': '${path}'`);
  writeFiles(folder, {
    "venv/bin/python": "",
    [`${packages}/__editable__.lib-1.0.pth`]: `${join(folder, "src-layout/src")}\nimport os; os.abort()\n/not/there\nrelative\n`,
    [`${packages}/__editable___package_1_0_finder.py`]: `import sys\nMAPPING: dict[str, str] = {${written.join(", ")}}\nNAMESPACES = {}\n`,
    [`${packages}/distutils-precedence.pth`]: "import os; var = 'SETUPTOOLS_USE_DISTUTILS'\n",
  });
  expect(editableFolders(join(folder, "venv/bin/python")).sort()).toEqual(
    [join(folder, "flat/package"), join(folder, "src-layout/src")].sort(),
  );
});

test("an interpreter without a library beside it has none", () => {
  expect(editableFolders(join(folder, "bin/python"))).toEqual([]);
});
