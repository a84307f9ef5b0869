/**
 * The wire cases against the real nginx: both servers in front of one upstream, both with its default limits raised to ours.
 * Every difference is in test/cases/differential/nginx.ts with its verdict; a new one fails, and so does one that is gone.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { DIFFERENCES as REQUESTS } from "../cases/differential/nginx.ts";
import { ENDINGS } from "../cases/differential/nginx-endings.ts";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { nginxMissing, startNginx } from "../support/nginx.ts";
import type { Peer } from "../support/peer.ts";
import { type ScriptedServer, startScripted, type Visit } from "../support/scripted-upstream.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { CASES, outcomesOf } from "./differential.ts";

const DIFFERENCES = [...REQUESTS, ...ENDINGS];

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = nginxMissing();
const testOfNginx = testUnless(missing);
const folder = makeFolder("differential");
let upstream: ScriptedServer | undefined;
let server: Server | undefined;
let nginx: Peer | undefined;
let ports = [0, 0];

/** One reply to each connection, once its head is there; who asked closes. */
function answerOnce(): (visit: Visit) => void {
  const answered = new WeakSet<Visit>();
  return (visit) => {
    if (answered.has(visit) || !visit.text.includes("\r\n\r\n")) return;
    answered.add(visit);
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  };
}

beforeAll(async () => {
  if (missing !== undefined) return;
  upstream = startScripted(answerOnce());
  ports = [await freePort(), await freePort()];
  const [ours = 0, theirs = 0] = ports;
  const behind = `[upstream.one]\nservers = ["127.0.0.1:${upstream.port}"]\nkeepalive = 0\n`;
  server = await startServer(ONE_FRONT + behind + site(`127.0.0.1:${ours}`, '"/" = { upstream = "one" }'), { folder });
  const location = `location / { proxy_pass http://127.0.0.1:${upstream.port}; }`;
  const http = "large_client_header_buffers 4 64k; client_header_timeout 20s; client_body_timeout 20s;";
  nginx = await startNginx({ folder, port: theirs, http, server: location });
});

afterAll(async () => {
  await nginx?.stop();
  await server?.dispose();
  upstream?.stop();
  removeFolder(folder);
});

test("the table of differences names each case once, and only cases that there are", () => {
  const names = DIFFERENCES.flatMap(({ cases }) => cases);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  const known = new Set(CASES.map(({ name }) => name));
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  expect(CASES.length).toBeGreaterThan(400);
});

testOfNginx("this server and nginx answer alike but for the differences that have a verdict", async () => {
  const [ours = 0, theirs = 0] = ports;
  const seen = await outcomesOf({ host: "127.0.0.1", port: ours }, CASES);
  const judged = await outcomesOf({ host: "127.0.0.1", port: theirs }, CASES);
  const found = CASES.filter(({ name }) => seen.get(name) !== judged.get(name)).map(
    ({ name }) => `${name}: ours ${seen.get(name)}, nginx ${judged.get(name)}`,
  );
  const known = DIFFERENCES.flatMap(({ cases, ours: our, nginx: their }) =>
    cases.map((name) => `${name}: ours ${our}, nginx ${their}`),
  );
  expect(found.toSorted()).toEqual(known.toSorted());
});
