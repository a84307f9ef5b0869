/**
 * A tree of files with nasty names, sizes around every bound and more than 4 GiB, served by this server and by the real nginx.
 * Every difference is in test/cases/differential/files.ts with its verdict; a new one fails, and so does one that is gone.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import {
  CASES,
  DIFFERENCES,
  ETAG,
  type FileCase,
  LAST,
  NASTY_NAMES,
  SIZES,
  SPARSE_BYTES,
} from "../cases/differential/files.ts";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { nginxMissing, startNginx } from "../support/nginx.ts";
import type { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { type Answer, Client, field } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = nginxMissing();
const testOfNginx = testUnless(missing);
const folder = makeFolder("differential-files");
const root = join(folder, "root");
const OLD = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
let server: Server | undefined;
let nginx: Peer | undefined;
let ports = [0, 0];

function write(name: string, content: string | Uint8Array): void {
  const path = Buffer.from(`${root}/${name}`, "latin1");
  writeFileSync(path, content);
  utimesSync(path, OLD, OLD);
}

function makeTree(): void {
  for (const each of ["names", "sub", "noindex", ".well-known"]) mkdirSync(join(root, each), { recursive: true });
  const noise = Buffer.alloc(Math.max(...SIZES));
  for (let i = 0; i < noise.length; i++) noise[i] = (i * 31 + (i >> 8)) & 255;
  for (const size of SIZES) write(`size-${size}`, noise.subarray(0, size));
  for (const name of NASTY_NAMES) write(`names/${name}`, `file ${name}`);
  for (const name of ["index.html", "sub/index.html", ".hidden", ".well-known/x", "old~", "fallback"])
    write(name, name);
  writeFileSync(join(folder, "secret"), "secret");
  symlinkSync("size-1", join(root, "inside-link"));
  symlinkSync("../secret", join(root, "way-out"));
  Bun.spawnSync(["mkfifo", join(root, "fifo")]);
  const fd = openSync(join(root, "sparse"), "w");
  ftruncateSync(fd, SPARSE_BYTES);
  writeSync(fd, "far", 4_294_967_295);
  writeSync(fd, "tail", SPARSE_BYTES - 4);
  closeSync(fd);
  utimesSync(join(root, "sparse"), OLD, OLD);
}

const NGINX = `
  root ${root}; absolute_redirect off; default_type application/octet-stream;
  location /alias/ { alias ${root}/sub/; }
  location /try/ { alias ${root}/; try_files $uri $uri/ /fallback; }
  location /only/ { try_files /fallback =404; }`;

const OURS = `
"/" = { files = "root" }
"/alias/" = { files = "root/sub" }
"/try/" = { files = "root/", try = ["$uri", "$uri/", "/fallback"] }
"/only/" = { files = "root/fallback" }`;

beforeAll(async () => {
  if (missing !== undefined) return;
  makeTree();
  ports = [await freePort(), await freePort()];
  const [ours = 0, theirs = 0] = ports;
  server = await startServer(ONE_FRONT + site(`127.0.0.1:${ours}`, OURS), { folder });
  nginx = await startNginx({ folder, port: theirs, server: NGINX });
});

afterAll(async () => {
  await nginx?.stop();
  await server?.dispose();
  removeFolder(folder);
});

async function ask(port: number, { method = "GET", target, fields = {} }: FileCase): Promise<Answer> {
  const client = await Client.open({ host: "127.0.0.1", port });
  try {
    const lines = Object.entries({ Host: "localhost", Connection: "close", ...fields }).map((pair) => pair.join(": "));
    client.send(`${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    return await client.answer(method);
  } finally {
    client.close();
  }
}

/** Each server is asked with its own validators. */
async function withValidators(port: number, each: FileCase): Promise<FileCase> {
  const { fields = {} } = each;
  const values = Object.values(fields).join(" ");
  if (!values.includes(ETAG) && !values.includes(LAST)) return each;
  const found = await ask(port, { name: "", method: "HEAD", target: each.target });
  const filled = Object.entries(fields).map(([name, value]) => [
    name,
    value.replace(ETAG, field(found, "etag") ?? "none").replace(LAST, field(found, "last-modified") ?? "none"),
  ]);
  return { ...each, fields: Object.fromEntries(filled) as Record<string, string> };
}

/** What a client makes of it: everything that nginx and this server both mean, without what each calls its own. */
function outcomeOf(answer: Answer): string {
  const { status, body } = answer;
  const type = field(answer, "content-type") ?? "";
  const [, boundary = ""] = /^multipart\/byteranges; boundary=(\S+)$/.exec(type) ?? [];
  if (status >= 300) {
    const places = ["location", "content-range"].flatMap((name) => field(answer, name) ?? []);
    return [status, ...places, field(answer, "etag") === undefined ? "" : "with validators"].join(" ").trim();
  }
  const content = boundary === "" ? body : Buffer.from(body.toString("latin1").replaceAll(boundary, "B"), "latin1");
  const length = boundary === "" ? field(answer, "content-length") : "of parts";
  const facts = [status, length, Bun.hash(content).toString(16), field(answer, "content-range") ?? "-"];
  // nginx leaves it out of a 206.
  const ranges = status === 206 ? "" : field(answer, "accept-ranges");
  return [...facts, ranges, field(answer, "last-modified")].join(" ");
}

async function outcomesOf(port: number): Promise<Map<string, string>> {
  const outcomes = new Map<string, string>();
  for (const each of CASES) {
    outcomes.set(each.name, outcomeOf(await ask(port, await withValidators(port, each))));
  }
  return outcomes;
}

testOfNginx("this server and nginx serve the tree alike but for the differences that have a verdict", async () => {
  const [ours = 0, theirs = 0] = ports;
  const seen = await outcomesOf(ours);
  const judged = await outcomesOf(theirs);
  const statusOf = (outcome: string | undefined) => outcome?.slice(0, 3) ?? "nothing";
  const found = CASES.filter(({ name }) => seen.get(name) !== judged.get(name)).map(({ name }) => {
    const [our, their] = [seen.get(name), judged.get(name)];
    // Of one status it is the content or a field that differs.
    if (statusOf(our) === statusOf(their)) return `${name}: ours ${our}, nginx ${their}`;
    return `${name}: ours ${statusOf(our)}, nginx ${statusOf(their)}`;
  });
  const known = DIFFERENCES.flatMap(({ cases, ours: our, nginx: their }) =>
    cases.map((name) => `${name}: ours ${our}, nginx ${their}`),
  );
  expect(found.toSorted()).toEqual(known.toSorted());
  expect(CASES.length).toBeGreaterThan(200);
});
