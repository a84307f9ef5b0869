/**
 * What was found in other servers, asked of the built binary: one case for each class that can apply to us, named after the
 * record of it. Behind each attack stands a good request; that it is answered, or that it is not, shows where the first one
 * ended. What the codec refuses and why is in test/cases/http1; here only what a client sees of it.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { type Address, Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("known-attacks");
let server: Server;
let address: Address;

const ROUTES = `
"/f/" = { files = "tree/" }
"/deny/" = { files = "tree/", access = ["deny all"], error_pages = { "403" = { route = "/page" } } }
"/page" = { respond = "page" }
"/r" = { respond = "ok" }
`;

beforeAll(async () => {
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  writeFiles(folder, { "tree/a.txt": "a".repeat(2000), "secret.txt": "secret" });
  server = await startServer(ONE_FRONT + site(`127.0.0.1:${port}`, ROUTES), { folder });
});
afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

const HOST = "Host: a\r\n";
const GOOD = `GET /r HTTP/1.1\r\n${HOST}\r\n`;
const get = (path: string, fields = "") => `GET ${path} HTTP/1.1\r\n${HOST}${fields}\r\n`;
const post = (fields: string, body = "") => `POST /r HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);
const hidden = (start: string) => `${start} HTTP/1.1\r\n${HOST}Content-Length: ${GOOD.length}\r\n\r\n${GOOD}`;
const ranges = Array.from({ length: 500 }, (_, i) => `${i}-${i}`).join(",");

/** The statuses of all answers to the attack and the good request behind it. */
const CASES: readonly (readonly [name: string, attack: string, statuses: string])[] = [
  ["nginx CVE-2019-20372: an error page leaves the body", hidden("POST /deny/x"), "403 200"],
  ["…a 404", hidden("POST /nothing"), "404 200"],
  ["…a redirect", hidden("GET /f"), "301 200"],
  ["…a method that is refused", hidden("POST /f/a.txt"), "405 200"],
  ["…a GET that has one (CL.0)", hidden("GET /f/a.txt"), "200 200"],
  ["Go CVE-2025-22871: LF in a chunk size", chunked("2\nok\r\n0\r\n\r\n"), "200"],
  ["Kestrel CVE-2025-55315: LF in a chunk extension", chunked("2;\nxx\r\nok\r\n0\r\n\r\n"), "200"],
  ["…CR in it", chunked("2;a\rb\r\nok\r\n0\r\n\r\n"), "200"],
  [
    "Go CVE-2023-39326: chunk extensions larger than the body",
    chunked(`1;${"a".repeat(200)}\r\nx\r\n`.repeat(200)),
    "200",
  ],
  ["hyper CVE-2021-32714: chunk size overflow", chunked("10000000000000002\r\nok\r\n0\r\n\r\n"), "200"],
  ["Puma CVE-2023-40175: rubbish for a trailer", chunked("0\r\nrubbish\r\n\r\n"), "200"],
  ["HAProxy CVE-2023-25725: a field without a name", get("/r", ": x\r\n"), "400"],
  ["HAProxy CVE-2023-40225: an empty Content-Length", post("Content-Length: \r\n"), "400"],
  ["HAProxy CVE-2021-40346: a name that is too long", post(`Content-Length0${"a".repeat(255)}: \r\n`), "431"],
  ["HAProxy CVE-2019-18277: VT before chunked", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), "400"],
  ["hyper CVE-2021-32715: + before a length", post("Content-Length: +5\r\n", "abcde"), "400"],
  ["waitress CVE-2022-24761: lengths as int() reads them", post("Content-Length: 0x5\r\n", "abcde"), "400"],
  ["…with _", post("Content-Length: 5_0\r\n", "abcde"), "400"],
  ["uWSGI #2775: Content-Length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde"), "400"],
  ["…as a list", post("Content-Length: 5, 5\r\n", "abcde"), "400"],
  ["…overflowing", post("Content-Length: 18446744073709551616\r\n"), "400"],
  ["Node CVE-2024-27982: a blank before the colon", post("Content-Length : 5\r\n", "abcde"), "400"],
  ["Node CVE-2023-30589: CR alone", get("/r", "X: a\rContent-Length: 5\r\n"), "400"],
  ["http-garden: \\xff around chunked", post("Transfer-Encoding: \xffchunked\xff\r\n", "0\r\n\r\n"), "400"],
  [
    "gunicorn CVE-2024-1135: two Transfer-Encodings",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    "400",
  ],
  [
    "gunicorn CVE-2024-6827: an unknown one beside a length",
    post("Transfer-Encoding: x\r\nContent-Length: 5\r\n", "abcde"),
    "400",
  ],
  [
    "uWSGI #2560: chunked beside a length",
    post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "400",
  ],
  ["waitress CVE-2019-16785: LF for CRLF", "GET /r HTTP/1.1\nHost: a\n\n", "400"],
  [
    "nginx 1.21.2: Transfer-Encoding in HTTP/1.0",
    `POST /r HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "400",
  ],
  ["nginx 1.17.9: two Hosts", get("/r", HOST), "400"],
  ["uWSGI #2775: a folded field", get("/r", "X: a\r\n b\r\n"), "400"],
  ["nginx CVE-2026-27654: COPY", `COPY /f/a.txt HTTP/1.1\r\n${HOST}Destination: /x\r\n\r\n`, "405 200"],
  ["…MOVE", `MOVE /f/a.txt HTTP/1.1\r\n${HOST}Destination: /x\r\n\r\n`, "405 200"],
  ["uWSGI CVE-2018-7490: out by %2e%2e%2f", get("/f/%2e%2e%2fsecret.txt"), "404 200"],
  ["off by a slash", get("/f../secret.txt"), "404 200"],
  ["Caddy CVE-2026-27585: out by a backslash", get("/f/..%5csecret.txt"), "404 200"],
  ["out by double encoding", get("/f/%252e%252e/secret.txt"), "404 200"],
  ["out by ..;/", get("/f/..;/secret.txt"), "404 200"],
  ["past a guard by encoding (Caddy CVE-2026-27587)", get("/%64eny/a.txt"), "403 200"],
  ["past a guard by //", get("//deny/a.txt"), "403 200"],
  ["past a guard by dots", get("/f/../deny/a.txt"), "403 200"],
  ["a NUL in a name", get("/f/a.txt%00.png"), "400"],
  ["egregious ranges (RFC 9110 section 17.15)", get("/f/a.txt", `Range: bytes=${ranges}\r\n`), "200 200"],
  ["overlapping ranges", get("/f/a.txt", "Range: bytes=0-,0-,0-\r\n"), "200 200"],
  [
    "h2c smuggling",
    get("/r", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
    "200 200",
  ],
  ["a tunnel through us", `CONNECT internal:80 HTTP/1.1\r\n${HOST}\r\n`, "405"],
];

async function allAnswers(wire: string): Promise<string> {
  const client = await Client.open(address);
  client.send(Buffer.from(wire, "latin1"));
  client.half();
  const answers = (await client.rest()).latin1Slice();
  client.close();
  return answers;
}

test.each(CASES)("%s", async (_, attack, statuses) => {
  const answers = await allAnswers(attack + GOOD);
  expect([...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status).join(" ")).toBe(statuses);
  expect(answers).not.toContain("secret");
});

test.each(["//evil.example", "/%2fevil.example", "/\\evil.example", "//evil.example/..//f", "/f"])(
  "werkzeug CVE-2020-28724, Caddy CVE-2022-28923: %s redirects to no other host",
  async (path) => {
    const location = /^Location: (.*)$/im.exec(await allAnswers(get(path)))?.[1]?.trim() ?? "/";
    expect(new URL(location, "http://a/").host).toBe("a");
  },
);
