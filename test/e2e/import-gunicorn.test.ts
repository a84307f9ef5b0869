/** What `server import` makes of a unit of gunicorn, and of the nginx before it, is served: where gunicorn was, as it was. */
import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, runServer, startWords } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { type Address, ask, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("gunicorn");
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => removeFolder(folder));

/** Tells what it was started with, and what it is asked. */
const SITE = `import os, threading
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ["PATH_INFO", "wsgi.url_scheme", "HTTP_HOST", "SERVER_PORT", "wsgi.multithread"]
    told = [str(environ.get(name)) for name in names]
    told += [os.getcwd(), os.environ.get("STAGE", "-"), os.environ.get("SECRET", "-"), str(os.umask(0o22))]
    return [" ".join(told).encode()]
`;

/** Imports these, and serves what comes of it. */
async function serve(...files: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runServer(["import", ...files], folder);
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  writeFiles(folder, { "server.toml": stdout });
  const server = await startWords(["run", "-c", "server.toml"], folder, { folder });
  undo.push(() => server.dispose());
  return stdout;
}

test("a unit with its socket unit and its file of settings", async () => {
  const socket = join(folder, "gunicorn.sock");
  writeFiles(folder, {
    "site/pkg/wsgi.py": SITE,
    "deploy/shop.service": `[Unit]
Requires=shop.socket
[Service]
WorkingDirectory=${folder}/site
UMask=0027
Environment="SECRET=a b" STAGE=test
ExecStartPre=/bin/sh -c "echo done > first.txt"
ExecStart=/usr/bin/gunicorn -c ../deploy/settings.py \\
    pkg.wsgi:application
`,
    "deploy/shop.socket": `[Socket]\nListenStream=${socket}\nSocketMode=0600\n`,
    "deploy/settings.py": `workers = 2\nthreads = 2\nraw_env = ["STAGE=live"]\naccesslog = "${folder}/access.log"\n`,
  });
  await serve("deploy/shop.service");
  const address: Address = { path: socket };
  const answer = await get(address, "/a//b", "shop.test");
  expect(String(answer.body)).toBe(`/a//b http shop.test 80 True ${folder}/site live a b 23`);
  // gunicorn believes who comes through a unix socket.
  const request = "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
  expect(String((await ask(address, request)).body)).toStartWith("/ https shop.test ");
  expect(readFileSync(join(folder, "site/first.txt"), "utf8")).toBe("done\n");
});

test("a unit and the nginx before it", async () => {
  const [port, behind] = [await freePort(), await freePort()];
  writeFiles(folder, {
    "site/pkg/wsgi.py": SITE,
    "static/a.txt": "a file",
    "deploy/shop.service": `[Service]
WorkingDirectory=${folder}
ExecStart=/usr/bin/python3 -m gunicorn --chdir site -b 127.0.0.1:${behind} -w 1 --keep-alive 1 pkg.wsgi
`,
    "nginx.conf": `server {
    listen 127.0.0.1:${port};
    location /static/ { alias ${folder}/static/; }
    location / {
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_pass http://127.0.0.1:${behind};
    }
}
`,
  });
  const toml = await serve("nginx.conf", "deploy/shop.service");
  expect(toml).not.toMatch(/upstream|trusted_proxies/);
  const address: Address = { host: "127.0.0.1", port };
  expect(String((await get(address, "/static/a.txt")).body)).toBe("a file");
  expect(String((await get(address, "/x")).body)).toStartWith(`/x http localhost ${port} False ${folder}/site - -`);
  // Nobody between: what a client says of itself is not believed.
  const request = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
  expect(String((await ask(address, request)).body)).toStartWith("/ http localhost ");
});
