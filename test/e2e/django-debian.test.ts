/** Debian's own Django and Python (here 3.2 and 3.11 or what the release has): the older end of what must work. */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { prepareSample } from "../support/django.ts";
import { freePort } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const sample = prepareSample("debian");
const test = testUnless("missing" in sample ? sample.missing : undefined);
let server: Server | undefined;
let address: Address;

beforeAll(async () => {
  if ("missing" in sample) return;
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  server = await startServer(sample.config(port));
});
afterAll(() => server?.dispose());

test("the sample project is served: page, static file, stream", async () => {
  expect((await get(address, "/")).body.toString()).toContain("<h1>Guestbook</h1>");
  expect((await get(address, "/static/admin/css/base.css")).status).toBe(200);
  expect((await get(address, "/stream/?pieces=2&pause=0")).body.toString()).toBe("piece 0\npiece 1\n");
});
