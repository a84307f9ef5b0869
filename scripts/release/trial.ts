/**
 * Whether a built executable runs: it tells its version, and serves a fixed reply and a file. Here where machine and C library
 * are this one's; another machine's under qemu-user; another C library's in a root of its own:
 *
 *   RELEASE_ROOTS=/srv/roots make release      /srv/roots/linux-x64-musl, /srv/roots/linux-arm64-musl: for instance
 *                                              an Alpine mini root file system with the package libstdc++
 *
 * Such a root can be put together of what registries have, on any machine: lib/ld-musl-ARCH.so.1 is the libc.so of Debian's package
 * musl (1.2.5 or newer), usr/lib/libstdc++.so.6 and libgcc_s*.so.1 are in numpy.libs of numpy's musllinux wheel (pip download
 * --platform musllinux_1_2_x86_64 --only-binary=:all: --no-deps numpy), tmp is empty.
 *
 * For glibc on arm64 Debian's libc6-arm64-cross is such a root.
 */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, makeFolder, removeFolder } from "../../test/support/folder.ts";
import { installDebian } from "../sample/debian.ts";
import { run } from "../sample/run.ts";
import type { Artifact } from "./artifacts.ts";

const BODY = "it runs";
/** Under emulation everything takes longer. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;

interface Runner {
  readonly how: string;
  /** What stands before the executable. */
  readonly prefix: readonly string[];
  /** The executable and the folder, as the prefix sees them. */
  readonly executable: string;
  readonly folder: string;
}

/** What came of it, in one line; throws when it does not run where it could. */
export async function tryOut(artifact: Artifact, executable: string, version: string): Promise<string> {
  const root = rootOf(artifact);
  const isOurs = artifact.machine === machine() && artifact.libc === libc();
  if (!isOurs && root === undefined) return `NOT run, no root for it (RELEASE_ROOTS/${artifact.name})`;
  const folder = isOurs || artifact.machine !== machine() ? makeFolder("trial") : join(root as string, "trial");
  mkdirSync(folder, { recursive: true });
  const runner = runnerFor(artifact, { executable, folder, root, isOurs });
  if (typeof runner === "string") return `NOT run, ${runner}`;
  try {
    tellsVersion(runner, artifact, version);
    await serves(runner, folder);
  } finally {
    removeFolder(folder);
  }
  return `runs (${runner.how})`;
}

function machine(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

function libc(): string {
  return existsSync(`/lib/libc.musl-${machine()}.so.1`) ? "musl" : "glibc";
}

function rootOf({ name, machine, libc }: Artifact): string | undefined {
  const roots = process.env["RELEASE_ROOTS"];
  const own = roots === undefined ? undefined : join(roots, name);
  if (own !== undefined && existsSync(own)) return own;
  return libc === "glibc" ? `/usr/${machine}-linux-gnu` : undefined;
}

interface Place {
  readonly executable: string;
  readonly folder: string;
  readonly root: string | undefined;
  readonly isOurs: boolean;
}

function runnerFor(artifact: Artifact, { executable, folder, root = "/", isOurs }: Place): Runner | string {
  if (isOurs) return { how: "on this machine", prefix: [], executable, folder };
  if (artifact.machine !== machine()) return emulated(artifact, { executable, folder, root });
  if (process.getuid?.() !== 0) return "a root of another C library can be entered by root only";
  // The executable reads itself from /proc, so a root needs one.
  copyFileSync(executable, join(folder, "server"));
  for (const name of ["proc", "dev"]) mkdirSync(join(root, name), { recursive: true });
  const enter = 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"';
  const prefix = ["unshare", "--mount", "sh", "-c", enter, root];
  return { how: `in ${root}`, prefix, executable: "/trial/server", folder: "/trial" };
}

function emulated({ machine, libc }: Artifact, place: Omit<Place, "isOurs"> & { root: string }): Runner | string {
  const qemu = `qemu-${machine}-static`;
  const packages = libc === "glibc" ? ["qemu-user-static", "libc6-arm64-cross"] : ["qemu-user-static"];
  if (Bun.which(qemu) === null || !existsSync(place.root)) {
    const problem = installDebian(packages, console.log);
    if (problem !== undefined) return problem;
  }
  return { how: `under ${qemu}`, prefix: [qemu, "-L", place.root], executable: place.executable, folder: place.folder };
}

function tellsVersion({ prefix, executable }: Runner, artifact: Artifact, version: string): void {
  const told = run([...prefix, executable, "--version"]);
  const wanted = `server ${version} (bun ${Bun.version}, linux ${artifact.name.split("-")[1]})`;
  if (told.stdout.trim() !== wanted) {
    throw new Error(`${artifact.name} says "${told.stdout.trim()}" instead of "${wanted}"\n${told.stderr}`);
  }
}

async function serves({ prefix, executable, folder }: Runner, outside: string): Promise<void> {
  const port = await freePort();
  const routes = `"/files/" = { files = "." }\n"/" = { respond = "${BODY}" }`;
  writeFileSync(join(outside, "a.txt"), BODY);
  const toml = `[server]\ncontrol = "off"\n[[site]]\nlisten = "127.0.0.1:${port}"\n[site.routes]\n${routes}\n`;
  writeFileSync(join(outside, "server.toml"), toml);
  const command = [...prefix, executable, "run", "-c", join(folder, "server.toml")];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const log = new Response(child.stderr).text();
  const bound = performance.now() + PATIENCE_MS;
  try {
    for (const path of ["/", "/files/a.txt"]) {
      while ((await bodyAt(`http://127.0.0.1:${port}${path}`)) !== BODY) {
        if (child.exitCode !== null || performance.now() > bound) throw new Error(`${path} was not served`);
        await Bun.sleep(LOOK_MS);
      }
    }
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${command.join(" ")}: ${String(error)}\n${await log}`, { cause: error });
  }
  child.kill("SIGTERM");
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code} after SIGTERM:\n${await log}`);
}

function bodyAt(url: string): Promise<string | undefined> {
  return fetch(url).then(
    (reply) => reply.text(),
    () => undefined,
  );
}
