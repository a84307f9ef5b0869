/** Static files as a real Django collects them with ManifestStaticFilesStorage: hashed names are kept for ever, the others
 *  are asked about, without a word in the configuration. */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chooseDjango, type Django } from "../../scripts/sample/django.ts";
import { E2E_TIMEOUT_MS, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { site } from "../support/toml.ts";
import { field, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("manifest-e2e");
const found = findDjango();

function findDjango(): Django | string {
  try {
    return chooseDjango(process.env["DJANGO_FROM"], () => {});
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll("\n", "; ") : String(error);
  }
}

/** Django 4.2 took STORAGES in place of STATICFILES_STORAGE, which 5.1 took away. */
const COLLECT = `
import sys, django
from django.conf import settings
from django.core.management import call_command
source, target = sys.argv[1:]
storage = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
chosen = {"STORAGES": {"staticfiles": {"BACKEND": storage}}} if django.VERSION >= (4, 2) else {"STATICFILES_STORAGE": storage}
settings.configure(INSTALLED_APPS=["django.contrib.staticfiles"], STATIC_URL="/static/", STATIC_ROOT=target,
                   STATICFILES_DIRS=[source], **chosen)
django.setup()
call_command("collectstatic", interactive=False, verbosity=0)
`;

beforeAll(() => {
  writeFiles(folder, {
    "source/css/site.css": 'body { background: url("../img/dot.svg") }\n'.repeat(40),
    "source/img/dot.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "source/robots.txt": "User-agent: *\n",
  });
  if (typeof found === "string") return;
  const collected = Bun.spawnSync([found.python, "-c", COLLECT, join(folder, "source"), join(folder, "static")]);
  if (!collected.success) throw new Error(collected.stderr.toString());
});
afterAll(() => removeFolder(folder));

testUnless(typeof found === "string" ? found : undefined)("what Django has hashed is immutable", async () => {
  const port = await freePort();
  const server = await startServer(site(`127.0.0.1:${port}`, '"/static/" = { files = "static/" }'), { folder });
  try {
    const address = { host: "127.0.0.1", port };
    const manifest = JSON.parse(readFileSync(join(folder, "static/staticfiles.json"), "utf8")) as {
      paths: Record<string, string>;
    };
    expect(Object.keys(manifest.paths)).toContain("css/site.css");
    for (const [name, hashed] of Object.entries(manifest.paths)) {
      const [plain, kept] = [await get(address, `/static/${name}`), await get(address, `/static/${hashed}`)];
      expect([plain.status, field(plain, "Cache-Control")]).toEqual([200, "no-cache"]);
      expect([kept.status, field(kept, "Cache-Control")]).toEqual([200, "public, max-age=31536000, immutable"]);
    }
    const stranger = await get(address, "/static/staticfiles.json");
    expect(field(stranger, "Cache-Control")).toBe("no-cache");
  } finally {
    await server.dispose();
  }
});
