import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { told, type Told } from "../support/terminal.ts";

let folder = "";
beforeAll(() => {
  folder = makeFolder("cli-import");
  writeFiles(folder, { "www/index.html": "home\n" });
});
afterAll(() => removeFolder(folder));

async function imported(inside: string, ...words: string[]): Promise<Told> {
  writeFiles(folder, { "nginx.conf": `server { listen 127.0.0.1:80; root ${folder}/www; ${inside} }\n` });
  return told(["import", "-q", "nginx.conf", ...words], folder);
}

test("a location of rewrites needs no folder of its own", async () => {
  const { code, stdout, stderr } = await imported(
    "index index.php; location /old { rewrite ^/old/(.*)$ /$1 permanent; }",
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(/"\/old" += \{ error = 404, rules = /);
  expect(stderr).toContain(`${join(folder, "www/old")} is not there: where no rule of its route fits, 404 is answered`);
});

test("a folder that files are to come from has to be made", async () => {
  const { code, stdout, stderr } = await imported("location /static/ { }");
  expect(code).toBe(0);
  expect(stdout).toContain(`"/static/" = { files = "${folder}/www/static/" }`);
  expect(stderr).toContain(`${folder}/www/static/ is not there; make it, or server check refuses the file`);
});

test("what cannot be read or written is said before anything else", async () => {
  const refused = async (...words: string[]) => (await imported("", ...words)).stderr.split("\n")[0];
  expect(await refused("-o", "nowhere/server.toml")).toBe(
    "server import: nowhere/server.toml is in a folder that is not there; make it",
  );
  expect(await refused("-o", "nginx.conf")).toBe("server import: nginx.conf exists; choose another");
  expect(await refused("none.conf")).toBe("server import: none.conf is not there");
});
