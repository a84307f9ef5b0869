/** Files that are asked for while a write(2) goes on, or a moment after it: every answer is one content, whole, or looks broken. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, openSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { Client } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("young-files");
const root = join(folder, "root");
const SIZE = 8_000_000;
let server: Server;
let address: { host: string; port: number };

beforeAll(async () => {
  writeFiles(folder, { "root/old.txt": "old" });
  utimesSync(join(root, "old.txt"), 1, 1);
  address = { host: "127.0.0.1", port: await freePort() };
  server = await startServer(`${ONE_FRONT}\n${site(`127.0.0.1:${address.port}`, '"/" = { files = "root" }')}`, {
    folder,
  });
});

afterAll(async () => {
  await server.dispose();
  removeFolder(folder);
});

const request = (name: string, fields = "") => `GET /${name} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;

/** Asked on a connection of its own, of which the request has left. */
async function begun(name: string, fields = ""): Promise<Client> {
  const client = await Client.open(address);
  await client.sent(Buffer.from(request(name, fields)));
  return client;
}

const isOneLetter = (body: Buffer) => body.equals(Buffer.alloc(body.length, body[0]));

test("what is asked for while one write overwrites it in place is never of two contents", async () => {
  const path = join(root, "large.bin");
  writeFileSync(path, Buffer.alloc(SIZE, "a"));
  const fd = openSync(path, "r+");
  for (let turn = 1; turn <= 12; turn++) {
    // From somewhere on: who reads from the beginning seldom overtakes who writes.
    const from = Array.from({ length: 6 }, (_, i) => i * 1_000_000);
    const clients = await Promise.all(from.map((first) => begun("large.bin", `Range: bytes=${first}-\r\n`)));
    // This thread does nothing else meanwhile.
    expect(writeSync(fd, Buffer.alloc(SIZE, 97 + turn), 0, SIZE, 0)).toBe(SIZE);
    const answers = await Promise.all(clients.map((client) => client.answer().catch(() => undefined)));
    for (const [i, answer] of answers.entries()) {
      if (answer === undefined) continue;
      expect([answer.status, answer.body.length, isOneLetter(answer.body)]).toEqual([206, SIZE - (from[i] ?? 0), true]);
    }
    for (const client of clients) client.close();
  }
  closeSync(fd);
});

/** Written whole again and again, as cp(1) does it: emptied when it is opened, then one write(2). */
const REWRITES = `
const { closeSync, openSync, writeSync } = require("node:fs");
const [path, size, times] = process.argv.slice(1);
(async () => {
  for (let turn = 1; turn <= Number(times); turn++) {
    await Bun.sleep(150);
    const bytes = Buffer.alloc(Number(size), 97 + turn % 26);
    const fd = openSync(path, "w");
    writeSync(fd, bytes);
    closeSync(fd);
  }
})();
`;

test("a hot file that is rewritten in place is never answered as if it were empty", async () => {
  const path = join(root, "hot.bin");
  const size = 100_000;
  writeFileSync(path, Buffer.alloc(size, "a"));
  const writer = Bun.spawn([process.execPath, "-e", REWRITES, path, `${size}`, "20"]);
  let answers = 0;
  const lane = async () => {
    for (let client = await Client.open(address); writer.exitCode === null;) {
      client.send(request("hot.bin"));
      const answer = await client.answer().catch(() => undefined);
      if (answer === undefined) {
        client = await Client.open(address);
        continue;
      }
      expect([answer.status, answer.body.length, isOneLetter(answer.body)]).toEqual([200, size, true]);
      answers++;
      await Bun.sleep(1);
    }
  };
  await Promise.all(Array.from({ length: 5 }, lane)).finally(() => writer.kill());
  expect(answers).toBeGreaterThan(20);
  writeFileSync(path, "");
  await until("the empty file", 5000, async () => {
    const client = await begun("hot.bin");
    const answer = await client.answer();
    client.close();
    return answer.status === 200 && answer.body.length === 0;
  });
});

test("what is behind it on the connection comes after it, and a client that leaves is not waited for", async () => {
  writeFileSync(join(root, "small.txt"), "just written");
  const leaving = await begun("small.txt");
  leaving.close();
  const client = await Client.open(address);
  client.send(request("small.txt") + request("old.txt") + request("small.txt"));
  const answers = [await client.answer(), await client.answer(), await client.answer()];
  expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
    [200, "just written"],
    [200, "old"],
    [200, "just written"],
  ]);
  client.close();
});

test("a reload and an end of the server wait for who waits", async () => {
  for (const [name, what] of [
    ["reload", () => server.command("reload")],
    ["stop", () => Promise.resolve(server.signal("SIGTERM"))],
  ] as const) {
    const content = Buffer.alloc(SIZE, name);
    writeFileSync(join(root, `${name}.bin`), content);
    const client = await begun(`${name}.bin`);
    await what();
    const answer = await client.answer();
    expect([answer.status, answer.body.equals(content)]).toEqual([200, true]);
    client.close();
  }
  await until("the end of the server", 20_000, () => !server.running);
});
