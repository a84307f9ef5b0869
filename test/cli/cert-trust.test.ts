import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newAuthority } from "../../src/certificates/local.ts";
import { Store } from "../../src/certificates/store.ts";
import { type LocalRoot, localRoot, trustStores } from "../../src/cli/cert-trust.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

let folder = "";
beforeEach(() => (folder = makeFolder("trust")));
afterEach(() => removeFolder(folder));

function made(): LocalRoot {
  new Store(join(folder, "state")).keepAuthority(newAuthority(Date.UTC(2030, 0, 1)));
  return localRoot(join(folder, "state")) as LocalRoot;
}

/** A store whose command says that it was called, and fails where the file `fails` is. */
function systemStore() {
  const store = join(folder, "system");
  mkdirSync(store);
  const command = join(folder, "update");
  writeFileSync(
    command,
    `#!/bin/sh\n[ -e ${folder}/fails ] && echo no way >&2 && exit 1\nls ${store} > ${folder}/updated\n`,
    {
      mode: 0o755,
    },
  );
  return [{ folder: store, command: [command] }] as const;
}

test("the root is there once it was made, with what people compare", () => {
  expect(localRoot(join(folder, "state"))).toBe(
    `${folder}/state/authority.crt is not there, or not to be read by this user; it is made when a site with tls = "internal" is served first`,
  );
  const root = made();
  expect(root.describe).toMatch(
    /\/state\/authority\.crt: server local authority 2030, until 2039-12-30\nSHA-256 [0-9A-F:]{95}$/,
  );
  expect(root.label).toMatch(/^server-local-authority-2030-[0-9a-f]{8}$/);
  expect(root.pem).not.toContain("PRIVATE");
});

test("what is trusted is what was described, whatever was put in place of its copy", () => {
  const { pem } = made();
  const copy = join(folder, "state/authority.crt");
  expect(pem).toBe(readFileSync(copy, "latin1"));
  rmSync(copy);
  symlinkSync("/etc/passwd", copy);
  expect(localRoot(join(folder, "state"))).toMatchObject({ pem });
});

describe("the system's store", () => {
  test("gets the file and is made to know it, and loses it again", () => {
    const [root, stores] = [made(), systemStore()];
    const file = join(folder, "system", `${root.label}.crt`);
    expect(trustStores(root, "install", undefined, stores)).toEqual([
      { ok: true, text: `the system trusts it: ${file}` },
    ]);
    expect(readFileSync(file, "latin1")).toBe(root.pem);
    expect(readFileSync(join(folder, "updated"), "utf8")).toBe(`${root.label}.crt\n`);
    expect(trustStores(root, "remove", undefined, stores)).toEqual([
      { ok: true, text: `the system trusts it no more: ${file}` },
    ]);
    expect(existsSync(file)).toBe(false);
    expect(readFileSync(join(folder, "updated"), "utf8")).toBe("");
  });

  test("that cannot be changed is said, with the remedy", () => {
    const [root, stores] = [made(), systemStore()];
    writeFileSync(join(folder, "fails"), "");
    expect(trustStores(root, "install", undefined, stores)[0]).toEqual({
      ok: false,
      text: `${folder}/update: no way`,
    });
    const [known] = trustStores(root, "install", undefined, []);
    expect(known?.ok).toBe(false);
    expect(known?.text).toEndWith(`${folder}/state/authority.crt is the file to add`);
  });
});

test("a home without browsers' stores has none that are changed", () => {
  mkdirSync(join(folder, ".mozilla/firefox/profile"), { recursive: true });
  expect(trustStores(made(), "install", folder, systemStore())).toHaveLength(1);
  expect(readdirSync(join(folder, ".mozilla/firefox/profile"))).toEqual([]);
});
