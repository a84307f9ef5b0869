/** Access rules, basic auth, rate limits, try and error pages of the built binary, and `server explain` about them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, runServer, runToml, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { ask, field, get, type Address, Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("guards");
const FRONTS = 3;
let server: Server;
let address: Address;

/** `openssl passwd`, htpasswd -B and Python's crypt made these. */
const USERS = [
  `bcrypt:${Bun.password.hashSync("secret", { algorithm: "bcrypt", cost: 4 }).replace("$2b$", "$2y$")}`,
  `argon:${Bun.password.hashSync("secret", { algorithm: "argon2id", memoryCost: 1024, timeCost: 2 })}`,
  "sha512:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
  "sha256:$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
  "apr1:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
  "sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
];

beforeAll(async () => {
  const port = await freePort();
  const dead = await freePort();
  address = { host: "127.0.0.1", port };
  writeFiles(folder, {
    htpasswd: `# users\n${USERS.join("\n")}\n`,
    "spa/index.html": "<p>app</p>\n",
    "spa/app.js": "js\n",
    "spa/docs/index.html": "<p>docs</p>\n",
    "spa/docs/plain/readme.txt": "plain\n",
    "public/a.txt": "a\n",
    "errors/404.html": "<p>not here</p>\n",
    "errors/50x.html": "<p>down</p>\n",
  });
  server = await startServer(configuration(port, dead), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

function configuration(port: number, dead: number): string {
  return `[server]
fronts = ${FRONTS}
${probeApp({ processes: 1 })}
[upstream.dead]
servers = ["127.0.0.1:${dead}"]

[limit.slow]
rate = "1/h"
burst = 9

[limit.key]
rate = "1/h"
key = "$http_x_key"
status = 503

[limit.delayed]
rate = "30/m"
burst = 4
delay = 1

[[site]]
listen = ["127.0.0.1:${port}"]
access = ["allow 127.0.0.0/8", "deny all"]
error_pages = { "404" = "errors/404.html", "502 503 504" = "errors/50x.html", "403" = { respond = "<p>no</p>", status = 200 } }
[site.routes]
"/app/" = { app = "probe" }
"/closed/" = { app = "probe", access = ["deny 127.0.0.1", "allow all"] }
"/shut/" = { app = "probe", access = ["deny all"], error_pages = { "4xx" = { route = "/app/facts" } } }
"/private/" = { app = "probe", auth = { users = "htpasswd", realm = "Staff only" } }
"/private/open/" = { app = "probe" }
"/either/" = { respond = "in", access = ["allow 127.0.0.2", "deny all"], auth = { users = "htpasswd" }, satisfy = "any" }
"/either/home/" = { respond = "in", access = ["allow 127.0.0.1"], auth = { users = "htpasswd" }, satisfy = "any" }
"/slow/" = { respond = "ok", limit = "slow" }
"~ ^/went/(.*)$" = { redirect = "/new/$1?$args", status = 301 }
"/key/" = { respond = "ok", limit = ["key"] }
"/delayed/" = { respond = "ok", limit = "delayed" }
"/spa/" = { files = "spa/", try = ["$uri", "$uri/", "/index.html"] }
"/mixed/" = { files = "public/", otherwise = { app = "probe" } }
"/moved/" = { files = "public/", try = ["$uri"], otherwise = "/spa/app.js" }
"/gone/" = { files = "public/", otherwise = 410 }
"/dead/" = { upstream = "dead" }
"/loop/a/" = { files = "public/", otherwise = "/loop/b/x" }
"/loop/b/" = { files = "public/", otherwise = "/loop/a/x" }
"/raw/" = { app = "probe" }
"/kept/" = { app = "probe", intercept = true }
"/pages/" = { app = "probe", intercept = true, error_pages = { "4xx" = { route = "/app/facts" }, "5xx" = { route = "/dead/" } } }
`;
}

function basic(user: string, password: string): string {
  return `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString("base64")}\r\n`;
}

function request(path: string, fields = "", method = "GET"): Promise<Awaited<ReturnType<typeof ask>>> {
  return ask(address, `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`, method);
}

describe("access", () => {
  test("the first rule that matches decides", async () => {
    expect((await get(address, "/app/hello")).status).toBe(200);
    const shut = await get(address, "/closed/hello");
    expect([shut.status, shut.body.toString()]).toEqual([200, "<p>no</p>"]);
  });

  test("the page of a refusal may be one that the client could not ask for, and keeps the status", async () => {
    const answer = await request("/shut/x?y", "If-None-Match: *\r\nRange: bytes=0-1\r\n");
    expect(answer.status).toBe(403);
    const facts = JSON.parse(answer.body.toString());
    expect([facts.REQUEST_METHOD, facts.PATH_INFO, facts.QUERY_STRING]).toEqual(["GET", "/facts", ""]);
  });
});

describe("basic auth", () => {
  test.each(USERS.map((line) => line.split(":")[0] as string))("%s", async (user) => {
    const right = await request("/private/facts", basic(user, "secret"));
    expect(right.status).toBe(200);
    const facts = JSON.parse(right.body.toString());
    expect([facts.REMOTE_USER, facts.AUTH_TYPE]).toEqual([user, "Basic"]);
    const wrong = await request("/private/facts", basic(user, "Secret"));
    expect([wrong.status, field(wrong, "WWW-Authenticate")]).toEqual([
      401,
      'Basic realm="Staff only", charset="UTF-8"',
    ]);
  });

  test.each([
    ["nothing", ""],
    ["an unknown user", basic("nobody", "secret")],
    ["another scheme", "Authorization: Bearer c2hhOnNlY3JldA==\r\n"],
    ["no base64", "Authorization: Basic !!!\r\n"],
    ["no colon", `Authorization: Basic ${btoa("sha")}\r\n`],
    ["a client's own idea of who it is", "Remote-User: sha\r\nX-Remote-User: sha\r\n"],
  ])("%s is 401", async (_name, fields) => {
    expect((await request("/private/facts", fields)).status).toBe(401);
  });

  test("the user is in the access log", async () => {
    await request("/private/hello?log", basic("sha", "secret"));
    const line = await until("line with the user", 5000, () =>
      server.output.split("\n").find((each) => each.includes("/private/hello?log")),
    );
    expect(line).toMatch(/^127\.0\.0\.1 - sha \[/);
  });

  test("many at once with a slow hash do not keep others waiting", async () => {
    const many = Array.from({ length: 40 }, () => request("/private/hello", basic("argon", "secret")));
    expect((await get(address, "/app/hello")).status).toBe(200);
    for (const answer of await Promise.all(many)) expect(answer.status).toBe(200);
  });

  test("a pipelined request waits for the one that is being verified", async () => {
    const client = await Client.open(address);
    const first = `GET /private/hello HTTP/1.1\r\nHost: x\r\n${basic("sha256", "secret")}\r\n`;
    client.send(`${first}GET /slowly HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await client.answer()).status).toBe(200);
    expect((await client.answer()).status).toBe(404);
    client.close();
  });

  test("the file is read again when it changes", async () => {
    const path = join(folder, "htpasswd");
    writeFileSync(path, `${USERS.join("\n")}\nnew:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nplain:secret\n`);
    await until("the new user", 5000, async () =>
      (await request("/private/hello", basic("new", "secret"))).status === 200 ? true : undefined,
    );
    expect((await request("/private/hello", basic("plain", "secret"))).status).toBe(401);
    await server.logged("htpasswd:8: is plain text");
    writeFileSync(path, `${USERS.join("\n")}\n`);
  });
});

describe("satisfy = any", () => {
  test("an address that is not allowed needs a password, one that is needs none", async () => {
    expect((await request("/either/")).status).toBe(401);
    expect((await request("/either/", basic("sha", "wrong"))).status).toBe(401);
    expect((await request("/either/", basic("sha", "secret"))).status).toBe(200);
    expect((await request("/either/home/")).status).toBe(200);
  });

  test("explain says which of the two it is", async () => {
    const at = async (path: string, from: string) => {
      const { stdout } = await runServer(["explain", path, "--from", from, "--json"], folder);
      const { outcome, guards } = JSON.parse(stdout);
      return [outcome.startsWith("401"), guards.access.allowed, guards.satisfy];
    };
    expect(await at("/either/", "127.0.0.1")).toEqual([true, true, "any"]);
    expect(await at("/either/", "127.0.0.2")).toEqual([false, true, "any"]);
    const { stdout } = await runServer(["explain", "/either/"], folder);
    expect(stdout).toContain("or a password");
  });
});

describe("rate limits", () => {
  test("a limit holds over all fronts together", async () => {
    // Each connection is dealt to a front by the kernel: many connections meet all of them.
    const answers = await Promise.all(Array.from({ length: 60 }, () => get(address, "/slow/")));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(50);
    const refused = answers.find((answer) => answer.status === 429);
    const seconds = Number(refused === undefined ? NaN : field(refused, "Retry-After"));
    expect(seconds).toBeGreaterThan(3000);
    expect(seconds).toBeLessThanOrEqual(3600);
    await server.logged("limit slow: 127.0.0.1 is refused with 429");
  });

  test("each key has its own bucket, and no key is not limited", async () => {
    expect((await request("/key/", "X-Key: a\r\n")).status).toBe(200);
    expect((await request("/key/", "X-Key: a\r\n")).status).toBe(503);
    expect((await request("/key/", "X-Key: b\r\n")).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await request("/key/")).status).toBe(200);
  });

  test("with a delay the burst waits for its turn", async () => {
    const since = performance.now();
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(address, "/delayed/")));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(5);
    // The last one waited for three intervals of two seconds, less what it came later.
    expect(performance.now() - since).toBeGreaterThan(4000);
  });
});

describe("try", () => {
  const cases = [
    ["/spa/app.js", 200, "js\n"],
    ["/spa/", 200, "<p>app</p>\n"],
    ["/spa/deep/link", 200, "<p>app</p>\n"],
    ["/spa/docs/", 200, "<p>docs</p>\n"],
    ["/spa/docs/plain/", 200, "<p>app</p>\n"],
    ["/spa/.git/config", 200, "<p>app</p>\n"],
    ["/mixed/a.txt", 200, "a\n"],
    ["/mixed/hello", 200, "hello\n"],
    ["/moved/nothing", 200, "js\n"],
    ["/gone/nothing", 410, undefined],
    ["/loop/a/x", 500, undefined],
  ] as const;
  test.each(cases)("%s: %d", async (path, status, body) => {
    const answer = await get(address, path);
    expect(answer.status).toBe(status);
    if (body !== undefined) expect(answer.body.toString()).toBe(body);
  });

  test("a directory with an index is redirected to its slash", async () => {
    const answer = await get(address, "/spa/docs?a=b");
    expect([answer.status, field(answer, "Location")]).toEqual([301, "/spa/docs/?a=b"]);
  });

  test("other methods reach the app, and find no file", async () => {
    const posted = await ask(address, "POST /mixed/facts HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    const facts = JSON.parse(posted.body.toString());
    expect([facts.REQUEST_METHOD, facts.SCRIPT_NAME, facts.PATH_INFO]).toEqual(["POST", "/mixed", "/facts"]);
    expect((await request("/mixed/a.txt", "Content-Length: 0\r\n", "POST")).status).toBe(405);
  });
});

describe("error pages", () => {
  test("a file, with the status of the error", async () => {
    const answer = await get(address, "/nowhere");
    expect([answer.status, answer.body.toString()]).toEqual([404, "<p>not here</p>\n"]);
    expect(field(answer, "Content-Type")).toBe("text/html");
  });

  test("HEAD has the length and no content", async () => {
    const answer = await request("/nowhere", "", "HEAD");
    expect([answer.status, field(answer, "Content-Length"), answer.body.length]).toEqual([404, "16", 0]);
  });

  test("an upstream that cannot be asked", async () => {
    const answer = await get(address, "/dead/x");
    expect([answer.status, answer.body.toString()]).toEqual([502, "<p>down</p>\n"]);
  });

  test("errors of an app are its own unless they are intercepted", async () => {
    const own = await get(address, "/raw/nothing");
    expect([own.status, own.body.toString()]).toEqual([404, "not here\n"]);
    const kept = await get(address, "/kept/nothing");
    expect([kept.status, kept.body.toString()]).toEqual([404, "<p>not here</p>\n"]);
    // There is no page for it.
    expect((await get(address, "/kept/raise")).status).toBe(500);
    expect((await get(address, "/kept/hello")).body.toString()).toBe("hello\n");
  });

  test("the page of an intercepted error may come from the app itself", async () => {
    const answer = await get(address, "/pages/nothing");
    expect([answer.status, JSON.parse(answer.body.toString()).PATH_INFO]).toEqual([404, "/facts"]);
  });

  test("an error of the page's own route ends in the plain page of the first error", async () => {
    const answer = await get(address, "/pages/raise");
    expect([answer.status, answer.body.toString().includes("500 Internal Server Error")]).toEqual([500, true]);
    await server.logged("the page for 500 could not be made");
  });

  test("the next request of the connection is unharmed", async () => {
    const client = await Client.open(address);
    for (const [path, status] of [
      ["/pages/nothing", 404],
      ["/kept/nothing", 404],
      ["/app/hello", 200],
    ] as const) {
      client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect((await client.answer()).status).toBe(status);
    }
    client.close();
  });

  test("a page that was changed is shown, and one that was removed still is", async () => {
    const path = join(folder, "errors/404.html");
    writeFileSync(path, "<p>changed!</p>\n");
    await until("the new page", 5000, async () =>
      (await get(address, "/nowhere")).body.toString() === "<p>changed!</p>\n" ? true : undefined,
    );
    rmSync(path);
    await Bun.sleep(1100);
    expect((await get(address, "/nowhere")).status).toBe(404);
    writeFileSync(path, "<p>not here</p>\n");
  });
});

describe("server explain", () => {
  async function explained(...words: string[]): Promise<Record<string, unknown> & { outcome: string }> {
    const { code, stdout, stderr } = await runServer(["explain", ...words, "--json"], folder);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout);
  }

  test("says what requests meet", async () => {
    expect((await explained("/spa/deep")).outcome).toBe(`the file ${folder}/spa/index.html`);
    expect((await explained("/mixed/%68ello")).outcome).toBe("app probe");
    expect((await explained("/gone/x")).outcome).toBe("410");
    expect((await explained("/nowhere")).outcome).toStartWith("404");
    expect((await explained("/app/x", "--from", "192.0.2.1")).outcome).toStartWith("403");
    expect((await explained("/x", "-m", "TRACE")).outcome).toStartWith("405");
    const moved = "301: redirect to /new/$1?$args, which is /new/%C3%A4%20b?c=d";
    expect((await explained("/went/%c3%a4%20b?c=d")).outcome).toBe(moved);
    expect(await explained("/private/x")).toMatchObject({
      route: "/private/",
      mount: "/private",
      guards: { auth: { realm: "Staff only" }, access: { allowed: true } },
    });
    expect(await explained("/slow/")).toMatchObject({
      guards: { limits: [{ name: "slow", rate: "1/h", burst: 9, key: "127.0.0.1" }] },
    });
  });

  test("as a table for people", async () => {
    const { stdout } = await runServer(
      ["explain", `http://anything:${(address as { port: number }).port}/kept/`],
      folder,
    );
    for (const word of ["answer", "app probe", "/kept/", "error page", "404.html", "at most 100MiB", "header 30s"]) {
      expect(stdout).toContain(word);
    }
  });

  test.each([
    [["explain"], 2, "a URL is missing"],
    [["explain", "/", "--from", "nobody"], 2, "is no address"],
    [["explain", "http://a b/"], 2, "is no URL"],
  ] as const)("%p: %d", async (words, code, said) => {
    const ended = await runServer(words, folder);
    expect([ended.code, ended.stderr.includes(said)]).toEqual([code, true]);
  });

  test("nothing listens on that port, the target is refused", async () => {
    const ended = await runServer(["explain", "http://localhost:1/"], folder);
    expect([ended.code, ended.stdout.includes("no site listens on port 1")]).toEqual([1, true]);
    for (const [target, said] of [
      ["/%00", "400: the target is refused"],
      ["/../x", "404: the target is refused"],
    ] as const) {
      const refused = await runServer(["explain", target], folder);
      expect([refused.code, refused.stdout.includes(said)]).toEqual([1, true]);
    }
  });
});

test("a file of users with plain text is refused at the start, by its line", async () => {
  const own = makeFolder("plain");
  writeFiles(own, { users: "a:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nb:secret\n" });
  const toml =
    '[[site]]\nlisten = ["127.0.0.1:1"]\nauth = { users = "users" }\n[site.routes]\n"/" = { respond = "" }\n';
  const { code, stderr } = await runToml(toml, own);
  expect(code).toBe(2);
  expect(stderr).toContain("line 2 is plain text");
  removeFolder(own);
});
