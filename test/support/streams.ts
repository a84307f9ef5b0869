/** The application of test/projects/streams: how it is configured and asked, and what its replies must hold. */
import { join } from "node:path";
import { type Server, startServer } from "./binary.ts";
import { freePort, PROJECTS } from "./folder.ts";
import { ONE_FRONT, site } from "./toml.ts";
import { type Address, get } from "./wire.ts";

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Eight bytes each, none twice, so that a piece which is missing, doubled or in another's place is seen. */
const PATTERN_STEP = 0x39e3779b97fn;
const PATTERN_WORDS = 1 << 20;
const PATTERN = Buffer.from(makePattern().buffer);

function makePattern(): BigUint64Array<ArrayBuffer> {
  const words = new BigUint64Array(PATTERN_WORDS);
  for (let i = 0, word = 0n; i < PATTERN_WORDS; i++, word += PATTERN_STEP) words[i] = word;
  return words;
}

export interface Asked {
  /** Of the blocks; "65536*16" are sixteen. */
  readonly sizes: string;
  /** Where in the pattern its content begins. */
  readonly seed?: number;
  readonly way?: "generator" | "write" | "list" | "both";
  /** What Content-Length says, "exact": what there is. */
  readonly length?: number | "exact";
  readonly status?: string;
  /** Seconds before each block. */
  readonly pause?: number;
  /** Seconds that its close() takes. */
  readonly closing?: number;
  readonly name?: string;
  /** What happens before the block of number `at`. */
  readonly do?: string;
  readonly at?: number;
  readonly for?: number;
  readonly cc?: string;
}

/** Bytes of all blocks. */
export function sizeOf({ sizes }: Asked): number {
  return sizes.split(",").reduce((sum, part) => {
    const [size, count = 1] = part.split("*").map(Number);
    return sum + (size as number) * count;
  }, 0);
}

/** What the blocks of the reply are, one behind the other. */
export function contentOf(asked: Asked): Buffer {
  const { seed = 0 } = asked;
  const end = seed + sizeOf(asked);
  if (end > PATTERN.length) throw new Error(`there is no content up to ${end}`);
  return PATTERN.subarray(seed, end);
}

export function targetOf(asked: Asked, path = "/"): string {
  const { length, ...others } = asked;
  const query = Object.entries(others).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  if (length !== undefined) query.push(`length=${length === "exact" ? sizeOf(asked) : length}`);
  return `${path}?${query.join("&")}`;
}

export interface Asking {
  readonly path?: string;
  readonly method?: string;
  readonly version?: "1.0" | "1.1";
  /** Field lines, each with its end. */
  readonly more?: string;
}

export function requestOf(
  asked: Asked,
  { path = "/", method = "GET", version = "1.1", more = "" }: Asking = {},
): string {
  return `${method} ${targetOf(asked, path)} HTTP/${version}\r\nHost: localhost\r\n${more}\r\n`;
}

export const HELLO = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** `[app.streams]`; `more`: further lines of it. */
export function streamsApp(processes: number, threads: number, more = ""): string {
  return `
[app.streams]
root = ${JSON.stringify(join(PROJECTS, "streams"))}
wsgi = "streams:application"
processes = ${processes}
threads = ${threads}
env = { PYTHONDONTWRITEBYTECODE = "1" }
${more}
`;
}

export interface Streams {
  readonly server: Server;
  readonly address: { readonly host: string; readonly port: number };
}

/** A server of one front with nothing but this application. `app`, `settings`: further lines of its table, and of `[server]`. */
export async function startStreams(processes: number, threads: number, app = "", settings = ""): Promise<Streams> {
  const address = { host: "127.0.0.1", port: await freePort() };
  const routes = site(`127.0.0.1:${address.port}`, '"/" = { app = "streams" }');
  const server = await startServer(`${ONE_FRONT}${settings}\n${streamsApp(processes, threads, app)}${routes}`);
  return { server, address };
}

/** What the one worker has noted under this name. */
export async function notesOf(address: Address, name: string): Promise<{ pid: number; notes: string[] }> {
  const { body } = await get(address, `/notes?name=${encodeURIComponent(name)}`);
  return JSON.parse(body.toString()) as { pid: number; notes: string[] };
}
