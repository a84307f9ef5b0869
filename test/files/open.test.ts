import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeLog } from "../../src/base/log.ts";
import { Opener, type OpenerOptions } from "../../src/files/open.ts";
import { listenUnix } from "../../src/os/sockets.ts";
import { openBelow } from "../support/descriptors.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "open-")));
const lines: string[] = [];
const log = makeLog("files", "debug", (line) => lines.push(line));
let socket = -1;

beforeAll(() => {
  for (const folder of ["root/sub", "rootmate", "outside"]) mkdirSync(join(base, folder), { recursive: true });
  for (const file of ["root/a.txt", "root/sub/b.txt", "rootmate/c.txt", "outside/secret"])
    writeFileSync(join(base, file), "x");
  writeFileSync(Buffer.concat([Buffer.from(`${base}/root/`), Buffer.from([0xff, 0x0a, 0x22])]), "bytes");
  symlinkSync("a.txt", join(base, "root/inside"));
  symlinkSync("../a.txt", join(base, "root/sub/up"));
  symlinkSync(join(base, "root/sub"), join(base, "root/inside-folder"));
  symlinkSync("../outside/secret", join(base, "root/out"));
  symlinkSync("../outside", join(base, "root/out-folder"));
  symlinkSync(join(base, "rootmate"), join(base, "root/mate"));
  symlinkSync("/etc/passwd", join(base, "root/passwd"));
  symlinkSync("loop", join(base, "root/loop"));
  symlinkSync("missing", join(base, "root/dangling"));
  symlinkSync("/proc/self/root", join(base, "root/everything"));
  symlinkSync("/dev/null", join(base, "root/null"));
  symlinkSync("root", join(base, "current"));
  Bun.spawnSync(["mkfifo", join(base, "root/fifo")]);
  socket = listenUnix(join(base, "root/socket"), 0o600);
});

afterAll(() => {
  closeSync(socket);
  rmSync(base, { recursive: true });
});

function opener(root = "root", change: Partial<OpenerOptions> = {}): Opener {
  return new Opener({ root: join(base, root), links: "inside", log, ...change });
}

/** `file`, `directory` or the status of the refusal; nothing stays open. */
function openIn(root: string, rest: string, change: Partial<OpenerOptions> = {}): string | number {
  const opened = opener(root, change).open(rest);
  if (opened.kind === "file") closeSync(opened.fd);
  expect(openBelow(base)).toBe(0);
  return opened.kind === "refused" ? opened.status : opened.kind;
}

describe.each([true, false])("Opener (openat2: %p)", (kernelResolves) => {
  const open = (rest: string, root = "root") => openIn(root, rest, { kernelResolves });

  test.each([
    ["/a.txt", "file"],
    ["/sub/b.txt", "file"],
    ['/\xff\n"', "file"],
    ["", "directory"],
    ["/", "directory"],
    ["/sub", "directory"],
    ["/sub/", "directory"],
    ["/inside", "file"],
    ["/sub/up", "file"],
    ["/inside-folder", "directory"],
    ["/inside-folder/b.txt", "file"],
    ["/missing", 404],
    ["/a.txt/", 404],
    ["/a.txt/b", 404],
    [`/${"n".repeat(300)}`, 404],
    ["/loop", 404],
    ["/dangling", 404],
    ["/fifo", 404],
    ["/socket", 404],
  ])("%j is %s", (rest, outcome) => {
    expect(open(rest)).toBe(outcome);
  });

  test.each(["/out", "/out-folder", "/out-folder/secret", "/mate/c.txt", "/passwd", "/everything/etc/passwd", "/null"])(
    "%s leads out of the root: 404, and the log says why",
    (rest) => {
      lines.length = 0;
      expect(open(rest)).toBe(404);
      expect(lines.join("")).toContain("leads out of");
    },
  );

  test("holds even if a path with dot segments got this far", () => {
    expect(open("/../outside/secret")).toBe(404);
    expect(open("/../rootmate/c.txt")).toBe(404);
  });

  test("a root that is a link works, and goes on working when a deployment moves it", () => {
    const moving = opener("current", { kernelResolves });
    const outcome = (rest: string) => {
      const opened = moving.open(rest);
      if (opened.kind === "file") closeSync(opened.fd);
      return opened.kind;
    };
    symlinkSync("root", join(base, "next"));
    renameSync(join(base, "next"), join(base, "current"));
    expect(outcome("/a.txt")).toBe("file");
    unlinkSync(join(base, "current"));
    symlinkSync("rootmate", join(base, "current"));
    expect(outcome("/c.txt")).toBe("file");
    expect(outcome("/a.txt")).toBe("refused");
    expect(openBelow(base)).toBe(0);
  });

  test("the whole disk can be the root", () => {
    const opened = new Opener({ root: "", links: "inside", log }).open(join(base, "root/a.txt"));
    expect(opened.kind).toBe("file");
    if (opened.kind === "file") closeSync(opened.fd);
  });

  test("a single configured file may be a link to anywhere", () => {
    const opened = opener("root/out", { links: "follow" }).open("");
    expect(opened.kind).toBe("file");
    if (opened.kind === "file") closeSync(opened.fd);
  });

  test("what may not be read is 403, also behind a folder that may not be entered", () => {
    mkdirSync(join(base, "root/locked"), { recursive: true });
    writeFileSync(join(base, "root/locked/x"), "x");
    rmSync(join(base, "root/unreadable"), { force: true });
    writeFileSync(join(base, "root/unreadable"), "x");
    chmodSync(join(base, "root/unreadable"), 0);
    chmodSync(join(base, "root/locked"), 0);
    chmodSync(base, 0o755);
    const root = process.geteuid?.() === 0;
    try {
      if (root) process.seteuid?.(65534);
      expect(open("/unreadable")).toBe(403);
      expect(open("/locked/x")).toBe(403);
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(join(base, "root/locked"), 0o755);
    }
  });

  test("without a free descriptor it is 503, and works again when there is one", () => {
    const script = join(import.meta.dir, "no-descriptors.ts");
    const limited = ["sh", "-c", 'ulimit -n 100; exec "$0" "$@"', process.execPath, script, join(base, "root")];
    const child = Bun.spawnSync(limited, { stderr: "inherit" });
    expect(JSON.parse(child.stdout.toString())).toEqual({ before: 200, starved: 503, retryAfter: "1", after: 200 });
  });
});

describe.each([true, false])("a link policy (openat2: %p)", (kernelResolves) => {
  test.each([
    ["/a.txt", "file", "file", "file"],
    ["/sub/b.txt", "file", "file", "file"],
    ["/sub/", "directory", "directory", "directory"],
    ["/inside", "file", "file", 404],
    ["/sub/up", "file", "file", 404],
    ["/inside-folder", "directory", "directory", 404],
    ["/inside-folder/", "directory", "directory", 404],
    ["/inside-folder/b.txt", "file", "file", 404],
    ["/out", 404, "file", 404],
    ["/out-folder/secret", 404, "file", 404],
    ["/null", 404, 404, 404],
    ["/loop", 404, 404, 404],
    ["/dangling", 404, 404, 404],
    ["/fifo", 404, 404, 404],
    ["/socket", 404, 404, 404],
    ["/a.txt/", 404, 404, 404],
    ["/../outside/secret", 404, "file", 404],
  ] as const)("%s: inside %s, follow %s, deny %s", (rest, inside, follow, deny) => {
    expect(openIn("root", rest, { kernelResolves, links: "inside" })).toBe(inside);
    expect(openIn("root", rest, { kernelResolves, links: "follow" })).toBe(follow);
    expect(openIn("root", rest, { kernelResolves, links: "deny" })).toBe(deny);
  });

  test("of a root that is a link itself none but that is followed", () => {
    expect(openIn("current", "/c.txt", { kernelResolves, links: "deny" })).toBe("file");
  });

  test("holds while somebody swaps a file for a link out, again and again", async () => {
    const swapper = `
      const { renameSync, symlinkSync, writeFileSync, unlinkSync } = require("node:fs");
      process.chdir(process.argv[1]);
      for (;;) {
        try { unlinkSync("swap-next"); } catch {}
        symlinkSync("../outside/secret", "swap-next"); renameSync("swap-next", "swapped");
        writeFileSync("swap-next", "mine"); renameSync("swap-next", "swapped");
      }`;
    const child = Bun.spawn([process.execPath, "-e", swapper, join(base, "root")], { stderr: "inherit" });
    const outcomes = new Map<string, number>();
    try {
      for (const end = performance.now() + 700; performance.now() < end;) {
        const opened = opener("root", { kernelResolves }).open("/swapped");
        const outcome = opened.kind === "file" ? readFileSync(opened.fd, "utf8") : String(opened.kind);
        if (opened.kind === "file") closeSync(opened.fd);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    } finally {
      child.kill();
      await child.exited;
    }
    // "x" is what the secret holds
    expect([...outcomes.keys()].toSorted()).toEqual(["mine", "refused"]);
  });
});
