/**
 * Large files that are written to and replaced while programs read them as fast as they can: fast enough that the server has no
 * time to copy what it sends, and sends the file's own pages in part (files/by-reference.ts). Every reply that looks complete is one
 * state of the file, of one letter.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openSync, renameSync, writeFileSync, writeSync, closeSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const SIZE = 64 * 1024 * 1024;
const SECONDS = 3;

/** Prints how many, if it checks them, replies were whole, broken off, and mixtures. */
const READER = `
import random, socket, sys, time
port, seconds, pause, checks = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "true"
until, whole, broken, mixed = time.monotonic() + seconds, 0, 0, 0
body, view = bytearray(${SIZE}), None
view = memoryview(body)
def ask(client):
    client.sendall(b"GET /large.bin HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        got = client.recv(1)
        if not got: return None
        head += got
    if not head.startswith(b"HTTP/1.1 200 "): return None
    length = int(head.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0])
    sleepy, done = length - random.randrange(1 << 22) if pause else length, 0
    while done < length:
        at = done if checks else 0
        got = client.recv_into(view[at:at + min(131072, length - done)])
        if got == 0: return None
        done += got
        if done >= sleepy:
            time.sleep(random.random() * pause)
            sleepy = length
    return length
while time.monotonic() < until:
    client = socket.socket()
    if pause: client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    client.connect(("127.0.0.1", port))
    try:
        while time.monotonic() < until:
            length = ask(client)
            if length is None:
                broken += 1
                break
            if not checks: continue
            if length == 0 or body.count(body[:1], 0, length) == length: whole += 1
            else: mixed += 1
    except OSError:
        broken += 1
    client.close()
print(whole, broken, mixed)
`;

const folder = makeFolder("changing-large-files");
const path = join(folder, "root", "large.bin");
let server: Server;
let port = 0;

beforeAll(async () => {
  port = await freePort();
  Bun.spawnSync(["mkdir", join(folder, "root")]);
  const settings = `${ONE_FRONT}\ncache_revalidate = "50ms"\n`;
  server = await startServer(settings + site(`127.0.0.1:${port}`, '"/" = { files = "root" }'), { folder });
});

afterAll(async () => {
  await server?.dispose();
  removeFolder(folder);
});

interface Counts {
  readonly whole: number;
  readonly broken: number;
  readonly mixed: number;
}

async function reader(pauseSeconds: number, checks: boolean): Promise<Counts> {
  const words = [port, SECONDS, pauseSeconds, checks].map(String);
  const child = Bun.spawn(["python3", "-c", READER, ...words], { stdout: "pipe" });
  const [whole = -1, broken = -1, mixed = -1] = (await new Response(child.stdout).text()).split(" ").map(Number);
  expect(await child.exited).toBe(0);
  return { whole, broken, mixed };
}

const filled = (turn: number) => Buffer.alloc(SIZE, 0x61 + (turn % 26));

/** One write, as long as it takes. */
function writeOver(bytes: Buffer, flag: string): void {
  const fd = openSync(path, flag);
  writeSync(fd, bytes);
  closeSync(fd);
}

const CHANGES: readonly (readonly [string, (turn: number) => void])[] = [
  ["written over in place", (turn) => writeOver(filled(turn), "r+")],
  ["emptied and written anew", (turn) => writeOver(filled(turn), "w")],
  [
    "replaced",
    (turn) => {
      writeFileSync(`${path}.new`, filled(turn));
      renameSync(`${path}.new`, path);
    },
  ],
];

describe.each([
  ["", 0],
  [" but for its end, which waits in the kernel for a while,", 0.7],
])("a large file that is read as fast as can be%s", (_, pauseSeconds) => {
  test.each(CHANGES)("and is %s is one state of it, or looks broken", async (_how, change) => {
    writeFileSync(path, filled(0));
    await Bun.sleep(300);
    const readers = Promise.all([reader(0, false), reader(pauseSeconds, true), reader(pauseSeconds, true)]);
    const isOver = { is: false };
    void readers.finally(() => (isOver.is = true));
    for (let turn = 1; !isOver.is; turn++) {
      await Bun.sleep(400);
      change(turn);
    }
    const counts = await readers;
    const sum = (key: keyof Counts) => counts.reduce((total, each) => total + each[key], 0);
    expect(sum("mixed")).toBe(0);
    expect(sum("whole")).toBeGreaterThan(0);
    const links = () => Bun.spawnSync(["sh", "-c", `ls -l /proc/${server.pid}/fd`]).stdout.toString();
    await until("end of the server's open files", 10_000, () => !links().includes("large.bin"));
  });
});
