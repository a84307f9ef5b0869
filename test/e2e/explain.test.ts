/** `server explain` beside the server itself: what it foretells is what a request is answered with. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, runServer, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { type Address, ask } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("explain");
let server: Server;
let address: Address;

const ROUTES = `
"/tree/" = { files = "tree/" }
"/listed/" = { files = "tree/", listing = true }
"/spa/" = { files = "tree/", try = ["$uri", "$uri/", "/index.html"] }
"/gone/" = { files = "tree/", otherwise = 410 }
"/shut/" = { files = "tree/", access = ["deny all"] }
"/went/" = { redirect = "/tree/$args" }
"/inner/" = { respond = "in", internal = true }
"/both/" = { files = ["tree/bare/", "tree/"] }
"/else/" = { files = ["tree/bare/", "tree/"], otherwise = { respond = "else", status = 203 } }
"~ ^/u/([a-z]+)/(.*)$" = { files = ["tree/$1/$2", "tree/bare/$2"] }
"/text" = { respond = "text", status = 202 }
"/one.html" = { files = "tree/index.html" }
`;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  writeFiles(folder, {
    "tree/index.html": "home",
    "tree/bare/x.txt": "x",
    "tree/.hidden": "h",
    "tree/with/index.html": "w",
  });
  server = await startServer(ONE_FRONT + site(`127.0.0.1:${port}`, ROUTES), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

test.each([
  ["/tree/bare/x.txt", "GET", 200, "the file "],
  ["/tree/", "GET", 200, "the file "],
  ["/tree", "GET", 301, "301: "],
  ["/tree/bare", "GET", 301, "301: "],
  ["/tree/bare/", "GET", 404, "404: "],
  ["/tree/.hidden", "GET", 404, "404: "],
  ["/tree/%2e%2e/%2e%2e/x", "GET", 404, "404: "],
  ["/tree/%00", "GET", 400, "400: "],
  ["/tree/bare/x.txt", "POST", 405, "405: "],
  ["/tree/nothing", "POST", 405, "405: "],
  ["/tree/bare/x.txt", "OPTIONS", 405, "405: "],
  ["/listed/bare/", "GET", 200, "a listing of "],
  ["/listed/bare", "GET", 301, "301: "],
  ["/listed/", "GET", 200, "the file "],
  ["/spa/with", "GET", 301, "301: "],
  ["/spa/deep", "GET", 200, "the file "],
  ["/spa/deep", "POST", 405, "405: "],
  ["/gone/bare", "GET", 410, "410"],
  ["/gone/x", "POST", 410, "410"],
  ["/shut/x", "GET", 403, "403: "],
  ["/went/?a", "GET", 302, "302: "],
  ["/inner/", "GET", 404, "404: "],
  ["/both/x.txt", "GET", 200, "the file "],
  ["/both/bare/x.txt", "GET", 200, "the file "],
  ["/both/", "GET", 200, "the file "],
  ["/both/with", "GET", 301, "301: "],
  ["/both/bare", "GET", 404, "404: "],
  ["/both/x.txt", "POST", 405, "405: "],
  ["/both/x", "POST", 405, "405: "],
  ["/both/x", "OPTIONS", 405, "405: "],
  ["/else/with/", "GET", 200, "the file "],
  ["/else/with/x", "GET", 203, "203: "],
  ["/else/with/x", "POST", 203, "203: "],
  ["/else/x.txt", "POST", 405, "405: "],
  ["/u/bare/x.txt", "GET", 200, "the file "],
  ["/u/with/x.txt", "GET", 200, "the file "],
  ["/u/with/y.txt", "GET", 404, "404: "],
  ["/text", "GET", 202, "202: "],
  ["/one.html", "GET", 200, "the file "],
  ["/one.html/", "GET", 404, "404: "],
  ["/one.html/x", "GET", 404, "404: "],
  ["/nowhere", "GET", 404, "404: "],
  ["/tree/", "TRACE", 405, "405: "],
])("%s by %s is %d", async (path, method, status, outcome) => {
  const answer = await ask(address, `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`, method);
  const { stdout } = await runServer(["explain", path, "--method", method, "--json"], folder);
  expect(JSON.parse(stdout).outcome).toStartWith(outcome);
  expect(answer.status).toBe(status);
});
