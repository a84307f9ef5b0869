/** Let's Encrypt's test authority (Debian: pebble), with a name server that says 127.0.0.1 for every name. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { Authority } from "./certificates.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "./folder.ts";
import { until } from "./wait.ts";

export function pebbleMissing(): string | undefined {
  return Bun.which("pebble") === null ? "pebble is not installed (apt-get install pebble)" : undefined;
}

export interface PebbleOptions {
  /** Where it looks for answers to challenges. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Of a hundred good nonces it refuses so many. */
  readonly noncesRefused?: number;
  /** External account binding: these are its customers. */
  readonly customers?: Readonly<Record<string, string>>;
  /** To listen on; a free one when it is not given. */
  readonly port?: number;
  /** Of its certificates. */
  readonly lifetimeS?: number;
}

export interface Pebble {
  /** URL. */
  readonly directory: string;
  /** A file: whom its own certificate leads to. */
  readonly ca: string;
  /** Its name server, and a program that changes its zone as `dns_hook` does. */
  readonly names: string;
  readonly hook: string;
  /** A file: whom the certificates that it signs lead to. */
  root(): Promise<string>;
  stop(): Promise<void>;
}

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const folder = makeFolder("pebble");
  new Authority(folder).make("pebble", { names: "DNS:localhost,IP:127.0.0.1" });
  const [port, management, names, namesManagement] = [
    options.port ?? (await freePort()),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const { httpPort, tlsPort, noncesRefused = 0, customers, lifetimeS } = options;
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: join(folder, "pebble.pem"),
    privateKey: join(folder, "pebble.key"),
    httpPort,
    tlsPort,
    ocspResponderURL: "",
    externalAccountBindingRequired: customers !== undefined,
    externalAccountMACKeys: customers ?? {},
    ...(lifetimeS === undefined ? {} : { certificateValidityPeriod: lifetimeS }),
  };
  writeFiles(folder, { "pebble.json": JSON.stringify({ pebble }), hook: hookScript(namesManagement) });
  chmodSync(join(folder, "hook"), 0o755);
  const off = ["-http01", "", "-https01", "", "-tlsalpn01", ""];
  const resolver = Bun.spawn(
    ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", `127.0.0.1:${names}`].concat(
      ["-management", `127.0.0.1:${namesManagement}`],
      off,
    ),
    { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  const env = { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_VA_ALWAYS_VALID: "0" };
  const authority = Bun.spawn(
    ["pebble", "-config", join(folder, "pebble.json"), "-strict", "-dnsserver", `127.0.0.1:${names}`],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", env: { ...env, PEBBLE_WFE_NONCEREJECT: String(noncesRefused) } },
  );
  let log = "";
  for (const stream of [authority.stdout, authority.stderr]) void collect(stream, (text) => (log += text));
  await until("pebble", 20_000, () => log.includes("ACME directory available"));
  const ca = join(folder, "ca.pem");
  return {
    directory: `https://localhost:${port}/dir`,
    ca,
    names: `127.0.0.1:${names}`,
    hook: join(folder, "hook"),
    root: async () => {
      const answer = await fetch(`https://localhost:${management}/roots/0`, { tls: { rejectUnauthorized: false } });
      writeFiles(folder, { "root.pem": await answer.text() });
      return join(folder, "root.pem");
    },
    stop: async () => {
      for (const child of [authority, resolver] as Subprocess[]) {
        child.kill();
        await child.exited;
      }
      removeFolder(folder);
    },
  };
}

/** challtestsrv's own interface. It keeps what it was called with beside it. */
function hookScript(management: number): string {
  return `#!/bin/sh
echo "$@" >> "$0.calls"
case $1 in present) what=set-txt ;; *) what=clear-txt ;; esac
exec curl -sS --noproxy '*' -o /dev/null -d "{\\"host\\":\\"$2\\",\\"value\\":\\"$3\\"}" http://127.0.0.1:${management}/$what
`;
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
}
