/** Where a URL comes in, as `server explain` foretells it: at a listener that speaks as its scheme says. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { explain } from "../../src/front/explain.ts";
import { makeFolder, removeFolder, ROOT, writeFiles } from "../support/folder.ts";

const folder = makeFolder("explain-listener");
afterAll(() => removeFolder(folder));

const ROUTES = '[site.routes]\n"/" = { respond = "" }\n';
const plain = (port: number, more = "") => `[[site]]\n${more}listen = ["127.0.0.1:${port}"]\n${ROUTES}`;
const proxied = (port: number) => plain(port, 'trusted_proxies = ["10.0.0.0/8"]\n');
const secure = (port: number) =>
  `[[site]]\nnames = ["localhost"]\nlisten = [{ address = "127.0.0.1:${port}", tls = true }]\ntls = "internal"\n${ROUTES}`;

const CONFIGURATIONS = {
  "port 80": plain(80),
  "port 8000": plain(8000),
  "behind a proxy": proxied(8000),
  "TLS on 443": secure(443),
  "80 and TLS on 443": secure(443) + plain(80),
  "80 and TLS on 8443": plain(80) + secure(8443),
  "behind a proxy, and TLS": proxied(8000) + secure(8443),
};

function ask(toml: string, url: string) {
  writeFiles(folder, { "server.toml": toml });
  const { config, problems } = loadConfig(join(folder, "server.toml"), {});
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const [, scheme, host = "localhost", port] = /^(?:(https?):\/\/([^/:]+)(?::(\d+))?)?\//.exec(url) ?? [];
  const { listener, outcome } = explain(config, {
    method: "GET",
    secure: scheme === undefined ? undefined : scheme === "https",
    host,
    port: port === undefined ? undefined : Number(port),
    target: "/",
    from: "127.0.0.1",
  });
  return listener ?? outcome;
}

test.each([
  ["port 80", "http://localhost/", "127.0.0.1:80"],
  ["port 80", "https://localhost/", "no site listens with TLS; they listen on 127.0.0.1:80"],
  ["port 80", "https://localhost:80/", "no site listens on port 80 with TLS; they listen on 127.0.0.1:80"],
  ["port 80", "http://localhost:81/", "no site listens on port 81; they listen on 127.0.0.1:80"],
  ["port 8000", "http://localhost/", "127.0.0.1:8000"],
  ["port 8000", "/", "127.0.0.1:8000"],
  ["behind a proxy", "https://localhost/", "127.0.0.1:8000"],
  ["behind a proxy", "https://localhost:8000/", "127.0.0.1:8000"],
  ["behind a proxy, and TLS", "https://localhost/", "127.0.0.1:8443"],
  ["TLS on 443", "https://localhost/", "127.0.0.1:443"],
  ["TLS on 443", "/", "127.0.0.1:443"],
  ["TLS on 443", "http://localhost/", "no site listens without TLS; they listen on 127.0.0.1:443 (TLS)"],
  [
    "TLS on 443",
    "http://localhost:443/",
    "no site listens on port 443 without TLS; they listen on 127.0.0.1:443 (TLS)",
  ],
  ["80 and TLS on 443", "http://localhost/", "127.0.0.1:80"],
  ["80 and TLS on 8443", "https://localhost/", "127.0.0.1:8443"],
  ["80 and TLS on 8443", "https://localhost:8443/", "127.0.0.1:8443"],
] as const)("%s: %s", (name, url, where) => {
  expect(ask(CONFIGURATIONS[name], url)).toBe(where);
});

test("what the README asks comes in at its first configuration", async () => {
  const readme = await Bun.file(join(ROOT, "README.md")).text();
  const [, url = ""] = /^server explain (\S+)/m.exec(readme) ?? [];
  const [, listen] = /^listen = (.*)$/m.exec(readme) ?? [];
  expect(listen).toBe("[80]");
  expect(ask(plain(80), url)).toBe("127.0.0.1:80");
});
