/** What systemd hears of a unit with Type=notify-reload: a socket of ours is in its place. */
import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { existsSync, writeFileSync } from "node:fs";
import {
  BINARY,
  controlHome,
  E2E_TIMEOUT_MS,
  runServer,
  startServer,
  type Server,
  withoutNoOrphans,
} from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";
import { get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

/** Prints what comes, with the process that sent it. */
const LISTENER = `
import socket, struct, sys
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end.setsockopt(socket.SOL_SOCKET, 16, 1)
end.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data, control, _, _ = end.recvmsg(4096, 256)
    pid = struct.unpack("iii", control[0][2])[0]
    print(pid, data.decode().replace(chr(10), ";"), flush=True)
`;

/** Listens as systemd does for a socket unit, and becomes the server. */
const ACTIVATOR = `
import os, socket, sys
ends = [socket.socket(), socket.socket(socket.AF_UNIX)]
ends[0].bind(("127.0.0.1", int(sys.argv[1])))
ends[1].bind(sys.argv[2])
for i, end in enumerate(ends):
    end.listen(128)
    os.dup2(end.fileno(), 3 + i)
    os.set_inheritable(3 + i, True)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], [sys.argv[3], "run", "-c", "server.toml"])
`;

/** Says as systemd does that the journal reads its stderr, and becomes the server. */
const JOURNALED = `
import os, sys
stream = os.fstat(2)
os.environ["JOURNAL_STREAM"] = "%d:%d" % (stream.st_dev, stream.st_ino)
os.execv(sys.argv[1], [sys.argv[1], "run", "-c", sys.argv[2]])
`;

const folder = makeFolder("systemd");
let server: Server | undefined;
let listener: Subprocess<"ignore", "pipe", "inherit"> | undefined;

afterEach(async () => {
  await server?.dispose();
  listener?.kill();
});

afterAll(() => removeFolder(folder));

test("readiness, watchdog, reloads with their moment, and the stop, all from the main process", async () => {
  const path = join(folder, "notify.sock");
  let heard = "";
  listener = Bun.spawn(["python3", "-c", LISTENER, path], { stdout: "pipe", stderr: "inherit", stdin: "ignore" });
  void listener.stdout.pipeTo(new WritableStream({ write: (bytes) => void (heard += Buffer.from(bytes).toString()) }));
  await until("the listener", 10_000, () => heard.includes("bound"));
  const listen = `127.0.0.1:${await freePort()}`;
  const toml = ONE_FRONT + site(listen, '"/" = { respond = "x" }');
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "400000" };
  const running = (server = await startServer(toml, { folder, env }));
  const says = (line: string) => until(line, 10_000, () => heard.includes(`${running.pid} ${line}`));
  await says(`READY=1;STATUS=serving http://${listen}`);
  await says("WATCHDOG=1");
  expect((await running.command("reload")).code).toBe(0);
  await until("the moment", 10_000, () => /RELOADING=1;MONOTONIC_USEC=\d+;STATUS=reloading/.test(heard));
  await until("ready again", 10_000, () => heard.split("READY=1").length === 3);
  expect(await running.stop()).toBe(0);
  await says("STOPPING=1");
  const senders = new Set(heard.match(/^\d+/gm));
  expect([...senders]).toEqual([String(running.pid)]);
});

test("sockets that systemd made are taken, also after a reload that left them; they are not ours to remove", async () => {
  const port = await freePort();
  const path = join(folder, "given.sock");
  const toml = (listen: string) => `[server]\nfronts = 2\n${site(listen, '"/" = { respond = "x" }')}`;
  const both = toml(`127.0.0.1:${port}", "unix:${path}`);
  writeFileSync(join(folder, "server.toml"), both);
  const child = Bun.spawn(["python3", "-c", ACTIVATOR, String(port), path, BINARY], {
    cwd: folder,
    env: { ...withoutNoOrphans(), ...controlHome(folder) },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const status = async (at: Parameters<typeof get>[0]) => (await get(at, "/")).status;
  const address = { host: "127.0.0.1", port };
  try {
    const answers = () =>
      status(address).then(
        (found) => found === 200,
        () => false,
      );
    await until("a reply", 20_000, answers);
    expect(await status({ path })).toBe(200);
    // A front answers a moment before the server says that it serves.
    const says = async () => (await runServer(["status", "-c", "server.toml"], folder, controlHome(folder))).stdout;
    await until("the server that serves", 10_000, async () => (await says()).includes("serving"));
    for (const next of [toml(`127.0.0.1:${port}`), both]) {
      writeFileSync(join(folder, "server.toml"), next);
      const { code, stderr } = await runServer(["reload", "-c", "server.toml"], folder, controlHome(folder));
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect([await status(address), existsSync(path)]).toEqual([200, true]);
    }
    expect(await status({ path })).toBe(200);
    const { stderr } = await runServer(["restart", "-c", "server.toml"], folder, controlHome(folder));
    expect(stderr).toContain("systemctl restart");
    child.kill("SIGTERM");
    expect([await child.exited, existsSync(path)]).toEqual([0, true]);
  } finally {
    child.kill("SIGKILL");
  }
});

test("where the journal reads, lines begin with a priority and have no time: of the master, and of a file with mistakes", async () => {
  const port = await freePort();
  writeFileSync(join(folder, "good.toml"), ONE_FRONT + site(`127.0.0.1:${port}`, '"/" = { respond = "x" }'));
  writeFileSync(join(folder, "bad.toml"), "[server]\nfronts = 0\n");
  const run = (file: string) =>
    Bun.spawn(["python3", "-c", JOURNALED, BINARY, file], {
      cwd: folder,
      env: { ...withoutNoOrphans(), ...controlHome(folder) },
      stdio: ["ignore", "ignore", "pipe"],
    });
  const bad = run("bad.toml");
  expect(await new Response(bad.stderr).text()).toMatch(
    /^(<3>.*\n)*<3>bad.toml:2:10: .*\n<3>server: bad.toml: \d errors?\n$/,
  );
  const good = run("good.toml");
  let said = "";
  void good.stderr.pipeTo(new WritableStream({ write: (bytes) => void (said += Buffer.from(bytes).toString()) }));
  try {
    await until("line", 10_000, () => said.includes(`<5>[notice] master: serving http://127.0.0.1:${port}\n`));
    good.kill("SIGTERM");
    await good.exited;
    expect(
      said
        .trimEnd()
        .split("\n")
        .filter((line) => !/^<[2-7]>\[/.test(line)),
    ).toEqual([]);
  } finally {
    good.kill("SIGKILL");
  }
});
