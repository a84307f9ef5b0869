/** A real browser against a site with `tls = "internal"`: refused until the local authority is trusted, then believed. */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { browse, chromiumMissing, makeAuthorityStore } from "../support/chromium.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

setDefaultTimeout(2 * E2E_TIMEOUT_MS);

const missing = chromiumMissing();
const test = testUnless(missing);
const folder = makeFolder("browser");
let port = 0;
let server: Server;

beforeAll(async () => {
  if (missing !== undefined) return;
  await makeAuthorityStore(folder);
  // Of the programs that change stores it finds only that of browsers: the machine's own store is not the test's to change.
  mkdirSync(join(folder, "bin"));
  symlinkSync(Bun.which("certutil") ?? "", join(folder, "bin/certutil"));
  port = await freePort();
  server = await startServer(
    `
[server]
fronts = 2
state_directory = "state"
[[site]]
names = ["lan.test"]
listen = [{ address = "127.0.0.1:${port}", tls = true }]
tls = "internal"
[site.routes]
"/" = { respond = "<h1>read by $scheme</h1>", type = "text/html" }
`,
    { folder, env: { HOME: folder, PATH: join(folder, "bin") } },
  );
  await server.logged("lan.test: shows a new certificate");
});
afterAll(async () => {
  if (missing === undefined) await server.dispose();
  removeFolder(folder);
});

test("a browser believes the local authority once `server cert trust --install` was called", async () => {
  const url = `https://lan.test:${port}/`;
  expect(await browse(folder, url, "lan.test")).toContain("ERR_CERT_AUTHORITY_INVALID");
  const { stdout } = await server.command("cert", "trust", "--install");
  expect(stdout).toBe(`browsers trust it: ${folder}/.pki/nssdb\n`);
  expect(await browse(folder, url, "lan.test")).toContain("<h1>read by https</h1>");
  expect((await server.command("cert", "trust", "--remove")).stdout).toContain("browsers trust it no more");
  expect(await browse(folder, url, "lan.test")).toContain("ERR_CERT_AUTHORITY_INVALID");
});
