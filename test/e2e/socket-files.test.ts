/** Unix sockets of the built binary whose files somebody removes while it runs. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const BOUND_MS = 10_000;

let folder = "";
let path = "";
let metrics = "";
let server: Server;

beforeEach(async () => {
  folder = makeFolder("socket-files");
  mkdirSync(join(folder, "run"));
  path = join(folder, "run/site.sock");
  metrics = join(folder, "run/metrics.sock");
  const toml = `[server]\nfronts = 2\n[metrics]\nlisten = "unix:${metrics}"\n`;
  const routes = '"/" = { respond = "here" }';
  server = await startServer(`${toml}${site(`unix:${path}`, routes)}`, { folder });
});
afterEach(async () => {
  await server.dispose();
  removeFolder(folder);
});

const answers = async (socket = path) => (await get({ path: socket }, "/")).status;
const inode = () => statSync(path).ino;

test("a file that somebody removes is made again, and connections go on", async () => {
  const { mode } = statSync(path);
  const client = await Client.open({ path });
  rmSync(path);
  rmSync(metrics);
  // A file is there a moment before it has its mode, and somebody listens.
  await until("socket files", BOUND_MS, () => existsSync(path) && existsSync(metrics) && statSync(path).mode === mode);
  // More than one front's turn.
  await until("an answer", BOUND_MS, async () => (await answers().catch(() => 0)) === 200);
  for (let i = 0; i < 10; i++) expect(await answers()).toBe(200);
  await until("its numbers", BOUND_MS, async () => (await answers(metrics).catch(() => 0)) === 200);
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  expect((await client.answer()).status).toBe(200);
  client.close();
  await server.logged(`${path} was removed: it is made anew`);
  await server.logged(`${metrics} was removed: it is made anew`);
});

test("a reload makes it again, and says that the listener has changed", async () => {
  const before = inode();
  rmSync(path);
  const { code, stdout } = await server.command("reload");
  expect([code, await answers()]).toEqual([0, 200]);
  // Unless the server was faster.
  if (stdout !== "nothing has changed\n") expect(stdout).toContain(`listener unix:${path}: changed`);
  expect(inode()).not.toBe(before);
});

test("with its directory gone the log and the status say so, once; when that is there again, so is the file", async () => {
  renameSync(join(folder, "run"), join(folder, "gone"));
  const told = `${path} was removed and cannot be made anew`;
  await until("a line in the log", BOUND_MS, () => server.log.includes(told));
  const status = (await server.command("status", "--json")).stdout;
  expect(JSON.parse(status)).toMatchObject({ lost: [`unix:${path}`] });
  expect((await server.command("status")).stdout).toContain(`LOST       unix:${path}: its file is gone`);
  await Bun.sleep(5_000);
  expect(server.log.split(told)).toHaveLength(2);
  mkdirSync(join(folder, "run"));
  // The file is there a moment before somebody listens.
  await until("an answer", BOUND_MS, async () => (await answers().catch(() => 0)) === 200);
  expect(JSON.parse((await server.command("status", "--json")).stdout)).toMatchObject({ lost: [] });
});

test("what another program has put there is left alone, also at the end", async () => {
  const other = createServer((socket) => socket.end());
  const { promise, resolve } = Promise.withResolvers<void>();
  const made = join(folder, "run/other.sock");
  other.listen(made, resolve);
  await promise;
  // In one step: a path that is free for a moment is the server's again.
  renameSync(made, path);
  await until("a line in the log", BOUND_MS, () => server.log.includes(`${path} was removed and cannot be made anew`));
  const theirs = inode();
  const reload = await server.command("reload");
  expect([reload.code, reload.stderr]).toEqual([0, expect.stringContaining("cannot be made anew")]);
  await server.stop();
  expect(inode()).toBe(theirs);
  other.close();
});
