/**
 * `make release`: the executable for Linux on x64 and arm64, with glibc and with musl, each packed with what is to be read (release/papers.ts),
 * their checksums and the install script, in dist/release. The version is that of package.json, and CHANGELOG.md has to know it.
 * Each is tried out where this machine can run it (release/trial.ts); what it could not run is said.
 *
 * There are no builds for older x64 processors apart: Bun's default runtime needs no AVX2 (seen under an emulated Nehalem), and
 * its `baseline` is the same program. Nothing is stripped: the source maps inside make a report of a crash readable.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json";
import { ARTIFACTS, type Artifact } from "./release/artifacts.ts";
import { released, sectionOf } from "./release/changes.ts";
import { packPapers } from "./release/papers.ts";
import { tryOut } from "./release/trial.ts";
import { ROOT, run } from "./sample/run.ts";

const OUT = join(ROOT, "dist/release");
const STAGE = join(ROOT, ".build/release");

function must(what: string, command: readonly string[], cwd = ROOT): string {
  const { code, stdout, stderr } = run(command, { cwd });
  if (code !== 0) throw new Error(`${what} ended with ${code}:\n${stderr || stdout}`);
  return stdout;
}

/** The archive's name. Owners, order and times are fixed, so that only the contents make a difference. */
function pack({ name, target }: Artifact, version: string, changelog: string): string {
  must(`the build for ${name}`, [process.execPath, "scripts/build.ts", "--target", target]);
  const folder = `server-${version}-${name}`;
  const stage = join(STAGE, folder);
  mkdirSync(stage, { recursive: true });
  cpSync(join(ROOT, `dist/server-${target}`), join(stage, "server"));
  packPapers(ROOT, stage, changelog);
  const archive = `${folder}.tar.gz`;
  const time = must("git log", ["git", "log", "-1", "--format=%ct"]).trim();
  const fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", `--mtime=@${time}`, "--mode=u=rwX,go=rX"];
  must("tar", ["tar", ...fixed, "--use-compress-program=gzip -9n", "-cf", join(OUT, archive), folder], STAGE);
  return archive;
}

function sha256(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}

async function main(): Promise<void> {
  const { version } = packageJson;
  const date = must("git log", ["git", "log", "-1", "--format=%cs"]).trim();
  const changelog = released(version, date, readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"));
  rmSync(OUT, { recursive: true, force: true });
  rmSync(STAGE, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const sums: string[] = [];
  for (const artifact of ARTIFACTS) {
    const archive = pack(artifact, version, changelog);
    sums.push(`${sha256(join(OUT, archive))}  ${archive}`);
    const executable = join(STAGE, `server-${version}-${artifact.name}`, "server");
    console.log(`${archive}: ${await tryOut(artifact, executable, version)}`);
  }
  writeFileSync(join(OUT, "SHA256SUMS"), `${sums.join("\n")}\n`);
  writeFileSync(join(OUT, "CHANGES.md"), sectionOf(version, changelog));
  cpSync(join(ROOT, "scripts/release/install.sh"), join(OUT, "install.sh"));
  console.log(`dist/release: ${sums.length} archives of ${version}, SHA256SUMS, install.sh, CHANGES.md`);
}

main().catch((error: unknown) => {
  console.error(`release: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
