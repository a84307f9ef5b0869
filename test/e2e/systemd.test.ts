/** What systemd hears of a unit with Type=notify-reload: a socket of ours is in its place. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { E2E_TIMEOUT_MS, startServer, type Server } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";

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

const folder = makeFolder("systemd");
let server: Server | undefined;
let listener: Subprocess<"ignore", "pipe", "inherit"> | undefined;

afterEach(async () => {
  await server?.dispose();
  listener?.kill();
  removeFolder(folder);
});

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
