/**
 * The install script of a release, against a file server of this test: it takes what fits this machine, and nothing that was
 * changed on its way. The executables in the archives are shell scripts that tell what they are.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { released, sectionOf } from "../../scripts/release/changes.ts";
import { packPapers, withoutLostLinks } from "../../scripts/release/papers.ts";
import { makeFolder, removeFolder, ROOT, writeFiles } from "../support/folder.ts";

const SCRIPT = join(ROOT, "scripts/release/install.sh");
const NAMES = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"];

const folder = makeFolder("install");
const published = join(folder, "published");
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => {
    const file = Bun.file(join(published, new URL(request.url).pathname));
    return file.exists().then((there) => (there ? new Response(file) : new Response("", { status: 404 })));
  },
});
const url = `http://127.0.0.1:${server.port}`;

beforeAll(() => NAMES.forEach((name) => publish(name, "1.2.3")));
afterAll(async () => {
  await server.stop(true);
  removeFolder(folder);
});

function publish(name: string, version: string, program = `echo server ${version} ${name}`): void {
  const archive = `server-${version}-${name}`;
  writeFiles(folder, { [`${archive}/server`]: `#!/bin/sh\n${program}\n`, "published/x": "" });
  chmodSync(join(folder, archive, "server"), 0o755);
  const path = join(published, `${archive}.tar.gz`);
  Bun.spawnSync(["tar", "-czf", path, archive], { cwd: folder });
  const sums = join(published, "SHA256SUMS");
  const others = existsSync(sums)
    ? readFileSync(sums, "utf8").replace(new RegExp(`^.* ${archive}.tar.gz\n`, "m"), "")
    : "";
  const sum = new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
  writeFileSync(sums, `${others}${sum}  ${archive}.tar.gz\n`);
}

interface Machine {
  readonly system?: string;
  readonly machine?: string;
  readonly ldd?: string;
}

/** `uname` and `ldd` of another machine stand first on PATH. */
async function install(args: readonly string[], on: Machine = {}, script = SCRIPT, path = process.env["PATH"]) {
  const { system = "Linux", machine = "x86_64", ldd = "ldd (Debian GLIBC 2.36) 2.36" } = on;
  const uname = `#!/bin/sh\n[ "$1" = -m ] && echo ${machine} || echo ${system}\n`;
  writeFiles(folder, { "bin/uname": uname, "bin/ldd": `#!/bin/sh\necho "${ldd}" >&2\nexit 1\n` });
  for (const name of ["uname", "ldd"]) chmodSync(join(folder, "bin", name), 0o755);
  const env = { ...process.env, PATH: `${join(folder, "bin")}:${path}` };
  const child = Bun.spawn(["sh", script, ...args], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

const target = (name: string) => join(folder, name);
const installed = (name: string) =>
  Bun.spawnSync([join(target(name), "server")])
    .stdout.toString()
    .trim();
/** `mktemp` and the like leave nothing behind in the directory that is written to. */
const contents = (name: string) => [...new Bun.Glob("**").scanSync({ cwd: target(name), dot: true })];

test("it takes the archive of this machine and its C library", async () => {
  const musl = "musl libc (x86_64)";
  for (const [on, name] of [
    [{}, "linux-x64"],
    [{ ldd: musl }, "linux-x64-musl"],
    [{ machine: "aarch64" }, "linux-arm64"],
    [{ machine: "aarch64", ldd: musl }, "linux-arm64-musl"],
  ] as const) {
    const ran = await install(["--from", url, "--to", target(name)], on);
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(ran.stdout).toStartWith(`${target(name)}/server: server 1.2.3 ${name}\n`);
    expect(installed(name)).toBe(`server 1.2.3 ${name}`);
    expect(contents(name)).toEqual(["server"]);
  }
});

test("without --from it takes the files beside it", async () => {
  const beside = join(published, "install.sh");
  writeFileSync(beside, readFileSync(SCRIPT));
  expect((await install(["--to", target("beside")], {}, beside)).code).toBe(0);
  expect(installed("beside")).toBe("server 1.2.3 linux-x64");
});

test("a changed archive is not installed, and what was there stays", async () => {
  await install(["--from", url, "--to", target("kept")]);
  const path = join(published, "server-1.2.3-linux-x64.tar.gz");
  const good = readFileSync(path);
  writeFileSync(path, Buffer.concat([good, Buffer.from("more")]));
  const ran = await install(["--from", url, "--to", target("kept")]);
  writeFileSync(path, good);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain("server-1.2.3-linux-x64.tar.gz is not what SHA256SUMS says");
  expect(contents("kept")).toEqual(["server"]);
  expect(installed("kept")).toBe("server 1.2.3 linux-x64");
});

test("machines that there is no build for are told so", async () => {
  const to = ["--from", url, "--to", target("none")];
  expect((await install(to, { machine: "riscv64" })).stderr).toContain("no build for riscv64");
  expect((await install(to, { system: "Darwin" })).stderr).toContain("this is Darwin; server runs on Linux only");
  expect(existsSync(target("none"))).toBeFalse();
});

test("an executable that does not run is not put in place", async () => {
  publish("linux-x64", "1.2.4", "echo cannot open shared object >&2; exit 127");
  const ran = await install(["--from", url, "--to", target("broken"), "--version", "1.2.4"]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toEndWith("does not run here:\ncannot open shared object\n");
  expect(contents("broken")).toEqual([]);
});

test("libstdc++ is named as the remedy where it is what is missing", async () => {
  const said = "Error loading shared library libstdc++.so.6: No such file or directory (needed by server)";
  publish("linux-x64", "1.2.5", `echo '${said}' >&2; exit 127`);
  const ran = await install(["--from", url, "--to", target("musl"), "--version", "1.2.5"]);
  expect(ran.stderr).toEndWith(`${said}\nOn Alpine it needs libstdc++ (apk add libstdc++).\n`);
  publish("linux-x64", "1.2.5");
});

test.each(["sha256sum", "mktemp", "tar"])("without %s it says so before it changes anything", async (missing) => {
  const bin = join(folder, `without-${missing}`);
  mkdirSync(bin);
  const needed = ["sh", "dirname", "sha256sum", "mktemp", "tar", "mkdir", "ls", "cat"].filter(
    (name) => name !== missing,
  );
  for (const name of needed) symlinkSync(Bun.which(name) ?? "", join(bin, name));
  const ran = await install(["--from", url, "--to", target("toolless")], {}, SCRIPT, bin);
  expect([ran.code, ran.stdout]).toEqual([1, ""]);
  expect(ran.stderr).toMatch(new RegExp(`^install: ${missing} is missing; install it \\(Debian: .*\\)\n$`));
  expect(existsSync(target("toolless"))).toBeFalse();
});

test("of several versions one has to be named, and one that is not there is told", async () => {
  publish("linux-x64", "1.2.4");
  expect((await install(["--from", url, "--to", target("which")])).stderr).toContain("--version chooses one");
  expect((await install(["--from", url, "--to", target("which"), "--version", "1.2.3"])).code).toBe(0);
  const missing = await install(["--from", url, "--to", target("which"), "--version", "9"]);
  expect(missing.stderr).toContain(`${url} has no server 9 for linux-x64; it has:\n  server-1.2.3`);
});

test("a release needs a section of its version in the changelog, and says there when it was", () => {
  const log = "# Changes\n\n## 0.2.0 (2026-12-01)\n\n- b\n\n## Unreleased (0.1.0)\n\n- a\n";
  const of = (version: string) => sectionOf(version, released(version, "2026-12-24", log));
  expect(of("0.2.0")).toBe("## 0.2.0 (2026-12-01)\n\n- b\n\n");
  expect(of("0.1.0")).toBe("## 0.1.0 (2026-12-24)\n\n- a\n");
  expect(released("0.1.0", "2026-12-24", log)).toBe(log.replace("Unreleased (0.1.0)", "0.1.0 (2026-12-24)"));
  expect(() => of("0.3.0")).toThrow("no section for 0.3.0");
});

test("of links to what is not in the archive the text stays", () => {
  const page = "[a](docs/a.md#x), [b](../src/b.ts), ![c](c.svg), [d](https://d.test/), [e](#e)";
  expect(withoutLostLinks(page, (target) => target === "docs/a.md")).toBe(
    "[a](docs/a.md#x), b (in the sources), ![c](c.svg), [d](https://d.test/), [e](#e)",
  );
});

test("every link and image of what is packed leads somewhere", () => {
  const stage = target("papers");
  mkdirSync(stage);
  packPapers(ROOT, stage, "# Changes\n");
  const lost: string[] = [];
  for (const name of new Bun.Glob("**/*.md").scanSync({ cwd: stage })) {
    const text = readFileSync(join(stage, name), "utf8").replace(/^```.*?^```|`[^`\n]*`/gms, "");
    for (const [, to = ""] of text.matchAll(/\]\(([^)#\s]+)[^)\s]*\)/g)) {
      if (!/^[a-z]+:/.test(to) && !existsSync(join(stage, dirname(name), to))) lost.push(`${name}: ${to}`);
    }
  }
  expect(lost).toEqual([]);
  expect(existsSync(join(stage, "ARCHITECTURE.md"))).toBeFalse();
  expect(readFileSync(join(stage, "docs/bench.md"), "utf8")).toContain("scripts/bench/peers (in the sources)");
});
