/** The real nginx and this server, given what the import makes of the same file, answer a list of requests alike. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { importFiles } from "../../src/import/import.ts";
import { formatFindings } from "../../src/import/report.ts";
import { SourceFile } from "../../src/import/source.ts";
import { writePlan } from "../../src/import/write.ts";
import { CASES } from "../cases/import/differential.ts";
import { type DifferentialRequest, FILES } from "../cases/import/differential-case.ts";
import { Authority } from "../support/certificates.ts";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { nginxMissing, startNginxOn } from "../support/nginx.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { type Answer, ask, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("import-nginx");
const backend = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: echo });
const pair = new Authority(folder).make("backend", { names: "DNS:backend.example" });
const tls = { cert: readFileSync(pair.pem, "utf8"), key: readFileSync(pair.key, "utf8") };
const secure = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: echo, tls });
const theirs: number[] = [];
const ours: number[] = [];
let nginx: Peer;
let server: Server;

beforeAll(async () => {
  if (nginxMissing() !== undefined) return;
  writeFiles(folder, FILES);
  for (const ports of [theirs, ours]) while (ports.length < CASES.length) ports.push(await freePort());
  nginx = await startNginxOn(configuration(theirs), folder, theirs[0] ?? 0);
  server = await startServer(imported(configuration(ours)), { folder });
});

afterAll(async () => {
  await nginx?.stop();
  await server?.dispose();
  await backend.stop(true);
  await secure.stop(true);
  removeFolder(folder);
});

/** Says what it was asked, and answers with the status and the type that the query names. */
async function echo(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const told = ["host", "x-tenant", "accept-encoding"].map((name) => `${name}: ${request.headers.get(name) ?? "-"}`);
  const text = [`${request.method} ${url.pathname}${url.search}`, ...told, await request.text()].join("\n");
  const headers = { "Content-Type": url.searchParams.get("type") ?? "text/plain", "X-Powered-By": "echo" };
  return new Response(text, { status: Number(url.searchParams.get("status") ?? 200), headers });
}

function configuration(ports: readonly number[]): string {
  const fill = (text: string, index: number) =>
    text
      .replaceAll("$LISTEN", `127.0.0.1:${ports[index]}`)
      .replaceAll("$ROOT", folder)
      .replaceAll("$BACKEND", `127.0.0.1:${backend.port}`)
      .replaceAll("$SECURE", `127.0.0.1:${secure.port}`);
  const http = CASES.map(({ http: lines = "" }, index) => fill(lines, index));
  const servers = CASES.map(({ server: lines }, index) => fill(`server { listen $LISTEN; ${lines} }`, index));
  return `http {
    types { text/html html; text/css css; application/javascript js; image/jpeg jpg jpeg; text/plain txt; }
    default_type application/octet-stream;
    ${http.join("\n")}
    ${servers.join("\n")}
  }`;
}

function imported(conf: string): string {
  const file = new SourceFile("nginx.conf", join(folder, "nginx.conf"), conf);
  const { plan, report } = importFiles([file], {});
  const lost = report.findings.filter(({ changesMeaning }) => changesMeaning);
  if (lost.length > 0) throw new Error(formatFindings(lost, { colour: false }));
  plan.server.set("fronts", 1);
  plan.server.set("access_log", "off");
  return writePlan(plan);
}

async function answersTo(port: number, request: DifferentialRequest): Promise<Answer> {
  const { path, method = "GET", headers = {}, body = "" } = request;
  const fields = { host: `127.0.0.1`, ...headers, ...(body !== "" && { "content-length": String(body.length) }) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return ask(
    { host: "127.0.0.1", port },
    `${method} ${path} HTTP/1.1\r\n${lines.join("")}connection: close\r\n\r\n${body}`,
    method,
  );
}

const COMPARED = ["content-type", "www-authenticate", "x-site", "x-own", "x-frame-options", "x-powered-by"];

/** What has to be the same. The text of an error that no configuration wrote is each server's own. */
function essence(answer: Answer, port: number, path: string): Record<string, unknown> {
  const { status } = answer;
  const text = answer.body.toString("latin1").replaceAll(String(port), "PORT");
  const isOwn = text.startsWith("<html>");
  const control = field(answer, "cache-control");
  return {
    status,
    location: locationOf(answer, port, path),
    body: isOwn ? "its own" : text,
    // "no-cache" is what files say here by default.
    cacheControl: control === "no-cache" ? undefined : control,
    fields: Object.fromEntries(
      COMPARED.flatMap((name) => (isOwn && name === "content-type" ? [] : [[name, typeOf(field(answer, name))]])),
    ),
  };
}

/** Redirects may be relative. */
function locationOf(answer: Answer, port: number, path: string): string | undefined {
  const location = field(answer, "location");
  if (location === undefined) return undefined;
  return new URL(location, new URL(path, "http://127.0.0.1/")).href.replace(`:${port}`, "");
}

/** text/javascript is what RFC 9239 calls application/javascript; a text of the configuration says its charset, and so does a
 *  question for a password. */
function typeOf(type: string | undefined): string | undefined {
  return type?.replace("application/javascript", "text/javascript").replace(/; charset=utf-8|, charset="UTF-8"/, "");
}

describe("nginx and what is made of its file answer alike", () => {
  CASES.forEach(({ name, requests }, index) => {
    for (const request of requests.map((each) => (typeof each === "string" ? { path: each } : each))) {
      testUnless(nginxMissing())(titleOf(name, request), async () => {
        const [there = 0, here = 0] = [theirs[index], ours[index]];
        const wanted = essence(await answersTo(there, request), there, request.path);
        const { why, ...other } = request.here ?? { why: "" };
        const got = essence(await answersTo(here, request), here, request.path);
        if (why === "") expect(got).toEqual(wanted);
        else expect(got).toMatchObject(other);
      });
    }
  });
});

function titleOf(name: string, { method = "GET", path, headers = {} }: DifferentialRequest): string {
  const said = Object.entries(headers).map(([field_, value]) => `, ${field_}: ${value}`);
  return `${name}: ${method} ${path}${said.join("")}`;
}
