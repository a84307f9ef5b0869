/** The main job: the sample Django project behind the built server, asked as a browser would. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { prepareSample } from "../support/django.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { ask, field, get, type Address } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const sample = prepareSample();
const test = testUnless("missing" in sample ? sample.missing : curlMissing());
const UPLOAD_BYTES = 20 * 1024 * 1024;

let server: Server | undefined;
let address: Address;
let base: string;
const folder = makeFolder("main-job");
const jar = join(folder, "cookies");

beforeAll(async () => {
  if ("missing" in sample) return;
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  base = `http://127.0.0.1:${port}`;
  server = await startServer(sample.config(port));
});

afterAll(async () => {
  await server?.dispose();
  removeFolder(folder);
});

/** The CSRF token that curl's cookie jar holds. */
function csrfToken(): string {
  const line = readFileSync(jar, "utf8")
    .split("\n")
    .find((each) => each.includes("csrftoken"));
  return line?.split("\t").at(-1) ?? "";
}

describe("pages", () => {
  test("the home page is 200, HTML from a template and the database", async () => {
    const answer = await get(address, "/");
    expect(answer.status).toBe(200);
    expect(field(answer, "Content-Type")).toBe("text/html; charset=utf-8");
    expect(answer.body.toString()).toContain("<h1>Guestbook</h1>");
  });

  test("the application is told the truth about the request", async () => {
    const request = `GET /facts/?a=%20b&c HTTP/1.1\r\nHost: localhost:81\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n`;
    const facts = JSON.parse((await ask(address, request)).body.toString());
    const told = { method: "GET", path: "/facts/", query: "a=%20b&c", scheme: "http", host: "localhost:81" };
    expect(facts).toMatchObject({ ...told, remote_addr: "127.0.0.1", server_protocol: "HTTP/1.1", script_name: "" });
    expect(facts.headers["X-Two"]).toBe("1,2");
    expect(facts.multithread).toBe(true);
    expect(facts.multiprocess).toBe(true);
  });

  test("a page that raises is 500 without its traceback, which is in the error log", async () => {
    const answer = await get(address, "/raise/");
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).not.toContain("RuntimeError");
    await server?.logged("RuntimeError: this page raises on purpose");
  });
});

describe("static files", () => {
  test("the project's css is 200 with type, ETag, Last-Modified and Cache-Control", async () => {
    const answer = await get(address, "/static/guestbook/site.css");
    expect(answer.status).toBe(200);
    expect(field(answer, "Content-Type")).toBe("text/css; charset=utf-8");
    expect(field(answer, "ETag")).toMatch(/^"[^"]+"$/);
    expect(field(answer, "Last-Modified")).toMatch(/ GMT$/);
    expect(field(answer, "Cache-Control")).toBe("max-age=3600");
    expect(answer.body.toString()).toContain("max-width: 44rem");
  });

  test("what has not changed is 304, by ETag and by date, without content", async () => {
    const first = await get(address, "/static/admin/css/base.css");
    expect(first.status).toBe(200);
    for (const [name, value] of [
      ["If-None-Match", field(first, "ETag")],
      ["If-Modified-Since", field(first, "Last-Modified")],
    ]) {
      const request = `GET /static/admin/css/base.css HTTP/1.1\r\nHost: localhost\r\n${name}: ${value}\r\n\r\n`;
      const second = await ask(address, request);
      expect(second.status).toBe(304);
      expect(field(second, "ETag")).toBe(field(first, "ETag") as string);
    }
  });

  test("a file that is not there is 404 and does not reach Django", async () => {
    const answer = await get(address, "/static/nothing.css");
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).not.toContain("Not Found</h1><p>");
    expect(field(answer, "X-Frame-Options")).toBeUndefined();
  });
});

describe("forms", () => {
  test("a guest signs the book, and stands in it", async () => {
    const name = `guest ${randomBytes(4).toString("hex")}`;
    await curl("-c", jar, "-o", "/dev/null", `${base}/`);
    const fields = ["-d", `csrfmiddlewaretoken=${csrfToken()}`, "--data-urlencode", `name=${name}`, "-d", "message=hi"];
    const signed = await curl("-b", jar, "-c", jar, "-i", ...fields, `${base}/sign/`);
    expect(signed.stdout).toMatch(/^HTTP\/1\.1 302 /);
    expect((await curl("-b", jar, `${base}/`)).stdout).toContain(name);
  });

  test("a form without its CSRF token is 403", async () => {
    const refused = await curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "name=x&message=y", `${base}/sign/`);
    expect(refused.stdout).toBe("403");
  });

  test("the administrator logs in, with cookies and CSRF", async () => {
    const login = `${base}/admin/login/?next=/admin/`;
    await curl("-c", jar, "-o", "/dev/null", login);
    const fields = `csrfmiddlewaretoken=${csrfToken()}&username=admin&password=admin&next=/admin/`;
    const entered = await curl("-b", jar, "-c", jar, "-i", "-d", fields, login);
    expect(entered.stdout).toMatch(/^HTTP\/1\.1 302 /);
    expect(readFileSync(jar, "utf8")).toContain("sessionid");
    const index = await curl("-b", jar, `${base}/admin/`);
    expect(index.stdout).toContain("Site administration");
    expect(index.stdout).toContain("Entries");
  });
});

test("20 MB go up through a form and come back byte for byte", async () => {
  const name = `${randomBytes(4).toString("hex")}.bin`;
  const content = randomBytes(UPLOAD_BYTES);
  writeFileSync(join(folder, name), content);
  await curl("-c", jar, "-o", "/dev/null", `${base}/files/`);
  const form = ["-F", `csrfmiddlewaretoken=${csrfToken()}`, "-F", `file=@${join(folder, name)}`];
  const sent = await curl("-b", jar, "-o", "/dev/null", "-w", "%{http_code}", ...form, `${base}/files/`);
  expect(sent).toMatchObject({ code: 0, stdout: "302" });
  const got = await curl("-o", join(folder, "back"), "-w", "%{http_code}", `${base}/files/${name}`);
  expect(got).toMatchObject({ code: 0, stdout: "200" });
  const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  expect(sha(readFileSync(join(folder, "back")))).toBe(sha(content));
});
