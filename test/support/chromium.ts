/** A real browser (Debian: chromium) with a home of its own, and the store of authorities that is in it (libnss3-tools). */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function chromiumMissing(): string | undefined {
  if (Bun.which("chromium") === null) return "chromium is not installed (apt-get install chromium)";
  return Bun.which("certutil") === null ? "certutil is not installed (apt-get install libnss3-tools)" : undefined;
}

/** An empty one, which browsers of this home ask. */
export async function makeAuthorityStore(home: string): Promise<void> {
  const store = join(home, ".pki/nssdb");
  mkdirSync(store, { recursive: true });
  await Bun.spawn(["certutil", "-N", "-d", `sql:${store}`, "--empty-password"]).exited;
}

/** The page's DOM, and what the browser says besides (`ERR_CERT_AUTHORITY_INVALID`). `host` is this machine. */
export async function browse(home: string, url: string, host: string): Promise<string> {
  const command = [
    ..."chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --dump-dom".split(" "),
    `--user-data-dir=${join(home, crypto.randomUUID())}`,
    `--host-resolver-rules=MAP ${host} 127.0.0.1`,
    "--no-proxy-server",
    url,
  ];
  // Into files: what it leaves behind may hold its pipes.
  const out = join(home, `${crypto.randomUUID()}.txt`);
  const child = Bun.spawn(["timeout", "-k", "1", "40", "sh", "-c", 'exec "$@" > "$0" 2>&1', out, ...command], {
    env: { ...process.env, HOME: home },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await child.exited;
  return readFileSync(out, "utf8");
}
