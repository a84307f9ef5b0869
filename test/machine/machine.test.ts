import { expect, test } from "bun:test";
import { judgeName, lookAtAddresses, reachOf } from "../../src/machine/addresses.ts";
import { here } from "../../src/machine/here.ts";
import { accountOf, lookAtHost } from "../../src/machine/host.ts";
import { freePortFrom, listListeners, mayListen, portsInUse } from "../../src/machine/ports.ts";
import { procNetTcp, surroundingsOf } from "../support/surroundings.ts";

const MEMINFO = "MemTotal:        8000 kB\nMemFree:  100 kB\nMemAvailable:    6000 kB\n";
const PASSWD = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1001:Ann,,,:/home/ann:/bin/sh\n";

test("memory is the machine's, or its control group's when that is smaller", () => {
  const memory = (files: Record<string, string>) => {
    const { memoryBytes, availableBytes } = lookAtHost(surroundingsOf({ files }), 0, 4);
    return [memoryBytes, availableBytes];
  };
  expect(memory({ "/proc/meminfo": MEMINFO })).toEqual([8_192_000, 6_144_000]);
  const v2 = {
    "/proc/meminfo": MEMINFO,
    "/sys/fs/cgroup/memory.max": "1000000\n",
    "/sys/fs/cgroup/memory.current": "400000",
  };
  expect(memory(v2)).toEqual([1_000_000, 600_000]);
  expect(memory({ ...v2, "/sys/fs/cgroup/memory.max": "max\n" })).toEqual([8_192_000, 6_144_000]);
  const v1 = { "/proc/meminfo": MEMINFO, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712" };
  expect(memory(v1)).toEqual([8_192_000, 6_144_000]);
  expect(memory({})).toEqual([undefined, undefined]);
});

test("accounts, systemd and the system come from their files", () => {
  const files = {
    "/etc/passwd": PASSWD,
    "/run/systemd/system": null,
    "/etc/os-release": 'NAME=x\nPRETTY_NAME="Debian 12"\n',
  };
  const host = lookAtHost(surroundingsOf({ files }), 1000, 2);
  expect(host.account).toEqual({ uid: 1000, name: "ann", gid: 1001, home: "/home/ann" });
  expect([host.systemd, host.system, host.container]).toEqual([true, "Debian 12", false]);
  const bare = surroundingsOf({ files: { "/.dockerenv": "" } });
  expect(accountOf(bare.files, 7)).toEqual({ uid: 7, name: undefined, gid: undefined, home: undefined });
  expect([lookAtHost(bare, 7, 1).systemd, lookAtHost(bare, 7, 1).container]).toEqual([false, true]);
});

test("listeners are read with their addresses, and their holders found by the socket", () => {
  const files = {
    "/proc/net/tcp": procNetTcp([
      { port: 80, inode: 11 },
      { port: 8000, inode: 12, address: "0100007F" },
    ]),
    "/proc/net/tcp6": procNetTcp([
      { port: 80, inode: 13, address: "00000000000000000000000000000000" },
      { port: 81, inode: 14, address: "0000000000000000FFFF00000100007F" },
      { port: 82, inode: 15, address: "B80D0120000000000000000001000000" },
    ]),
    "/proc/9/comm": "nginx\n",
    "/proc/9/fd/3": "-> socket:[11]",
    "/proc/9/fd/4": "-> socket:[13]",
    "/proc/9/fd/5": "-> /dev/null",
    "/proc/10/comm": "nginx\n",
    "/proc/10/fd/3": "-> socket:[11]",
    "/proc/12/comm": "python3\n",
    "/proc/12/fd/7": "-> socket:[12]",
  };
  const machine = surroundingsOf({ files }).files;
  expect(listListeners(machine).map(({ address, port }) => `${address} ${port}`)).toEqual([
    "0.0.0.0 80",
    "127.0.0.1 8000",
    ":: 80",
    "127.0.0.1 81",
    "2001:db8::1 82",
  ]);
  const [web, none] = portsInUse(machine, [80, 443]);
  expect(web?.holders).toEqual([
    { pid: 9, name: "nginx" },
    { pid: 10, name: "nginx" },
  ]);
  expect(none).toBeUndefined();
  expect(freePortFrom(machine, 80)).toBe(83);
});

test("who may listen below 1024: root, who has the capability, and everyone where the kernel says so", () => {
  const status = (caps: string) => ({ "/proc/self/status": `Name:\tx\nCapEff:\t${caps}\n` });
  const may = (files: Record<string, string>, uid: number, port = 80) =>
    mayListen(surroundingsOf({ files }).files, uid, port);
  expect(may({}, 0)).toBe(true);
  expect(may(status("0000000000000000"), 1000)).toBe(false);
  expect(may(status("0000000000000000"), 1000, 8000)).toBe(true);
  expect(may(status("0000000000000400"), 1000)).toBe(true);
  expect(may({ "/proc/sys/net/ipv4/ip_unprivileged_port_start": "80\n" }, 1000)).toBe(true);
});

test("addresses are told apart by how far they reach", () => {
  const reach = [
    "8.8.8.8",
    "10.1.2.3",
    "172.20.0.1",
    "172.32.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "fe80::1",
    "fd00::1",
    "2a01::1",
  ];
  expect(reach.map(reachOf)).toEqual([
    "world",
    "inside",
    "inside",
    "world",
    "inside",
    "host",
    "host",
    "inside",
    "world",
  ]);
  const each = (address: string, internal = false) => ({ address, internal }) as never;
  const found = lookAtAddresses({
    lo: [each("127.0.0.1", true)],
    eth0: [each("192.0.2.1"), each("10.0.0.5"), each("fe80::1")],
  });
  expect(found).toEqual({ open: ["192.0.2.1"], inside: ["10.0.0.5"] });
});

test("a name is judged by where it leads, and not at all when nothing can be said", async () => {
  const own = { open: ["192.0.2.1", "2001:DB8::1"], inside: [] };
  const judge = (
    name: string,
    answer: readonly string[] | "unknown-name" | "no-answer",
    mine: { open: string[]; inside: string[] } = own,
  ) => judgeName(name, mine, () => Promise.resolve(answer));
  expect(await judge("www.example.org", ["192.0.2.1"])).toEqual({ kind: "here", addresses: ["192.0.2.1"] });
  expect(await judge("www.example.org", ["2001:db8::1"])).toMatchObject({ kind: "here" });
  expect(await judge("www.example.org", ["198.51.100.1"])).toMatchObject({ kind: "elsewhere" });
  expect(await judge("www.example.org", ["198.51.100.1"], { open: [], inside: ["10.0.0.1"] })).toMatchObject({
    kind: "hidden",
  });
  expect(await judge("www.example.org", "unknown-name")).toEqual({ kind: "unknown-name" });
  for (const name of ["localhost", "box", "nas.local", "a.internal", "10.0.0.1", "::1"])
    expect(await judge(name, ["192.0.2.1"])).toEqual({ kind: "not-public" });
});

test("a program's answer on descriptor 3 is apart from what it prints, which is told line by line", async () => {
  const lines: string[] = [];
  const script = "echo out; echo err >&2; printf answer >&3; printf tail; exit 3";
  const ran = await here().run(["/bin/sh", "-c", script], {
    folder: "/",
    timeoutMs: 5000,
    line: (text) => lines.push(text),
  });
  expect(ran).toEqual({ code: 3, stdout: "out\ntail", stderr: "err\n", result: "answer", failure: undefined });
  expect(lines.toSorted()).toEqual(["err", "out", "tail"]);
});

test("a program that takes too long is ended with all that it has started", async () => {
  const folder = "/";
  const started = performance.now();
  const ran = await here().run(["/bin/sh", "-c", "echo $$; sleep 60 & sleep 60"], { folder, timeoutMs: 200 });
  expect([ran.code, ran.failure]).toEqual([undefined, "timeout"]);
  expect(performance.now() - started).toBeLessThan(5000);
  const missing = await here().run(["/no/such/program"], { folder, timeoutMs: 200 });
  expect([missing.code, missing.failure]).toEqual([undefined, "ENOENT"]);
  const cancelled = await here().run(["/bin/sleep", "60"], {
    folder,
    timeoutMs: 60_000,
    signal: AbortSignal.timeout(100),
  });
  expect(cancelled.failure).toBe("aborted");
});

test("a daemon that a program leaves behind does not keep us waiting", async () => {
  const started = performance.now();
  const ran = await here().run(["/bin/sh", "-c", "sleep 8 & echo left"], { folder: "/", timeoutMs: 30_000 });
  expect([ran.code, ran.stdout]).toEqual([0, "left\n"]);
  expect(performance.now() - started).toBeLessThan(6000);
});
