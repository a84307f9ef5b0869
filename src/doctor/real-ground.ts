/** The ground that is real. */
import { statfsSync, statSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { createConnection } from "node:net";
import { lookUp } from "../machine/addresses.ts";
import { here } from "../machine/here.ts";
import { isClockSynchronised } from "../os/clock-state.ts";
import type { UpstreamAddress } from "../config/upstream-config.ts";
import { startedAs } from "./accounts.ts";
import type { Asked, FileState, Ground, Need, Serving, Space } from "./ground.ts";

/** Somebody who listens answers at once. */
const CONNECT_MS = 2000;
/** A first request may load the project. */
const GET_MS = 10_000;
const TEST_MS = 5000;

const PERMISSIONS = 0o7777;

export function realGround(environment: Readonly<Record<string, string | undefined>>): Ground {
  const surroundings = here(environment);
  return {
    ...surroundings,
    state: stateOf,
    space: spaceOf,
    kernelAllows: (who, path, need) => kernelAllows(surroundings, who, path, need),
    connect: connectTo,
    resolves: (host) =>
      lookup(host).then(
        () => true,
        () => false,
      ),
    lookUp,
    isClockSynchronised,
    nowMs: Date.now(),
    get,
  };
}

function stateOf(path: string): FileState | undefined {
  try {
    const found = statSync(path);
    const kind = found.isDirectory() ? "directory" : found.isFile() ? "file" : found.isSocket() ? "socket" : "other";
    return { kind, mode: found.mode & PERMISSIONS, uid: found.uid, gid: found.gid };
  } catch {
    return undefined;
  }
}

function spaceOf(path: string): Space | undefined {
  try {
    const { bsize, bavail, blocks, files, ffree } = statfsSync(path);
    const counts = files > 0;
    return {
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      freeFiles: counts ? ffree : undefined,
      totalFiles: counts ? files : undefined,
    };
  } catch {
    return undefined;
  }
}

const LETTERS: Readonly<Record<Need, string>> = { read: "-r", write: "-w", search: "-x" };

/** Root asks as that user; anyone else knows of himself alone. */
async function kernelAllows(
  { run, files }: Pick<Ground, "run" | "files">,
  who: Serving,
  path: string,
  need: Need,
): Promise<boolean | undefined> {
  const own = process.geteuid?.();
  if (own !== 0 && own !== who.uid) return undefined;
  const as = startedAs(files, who);
  const { code } = await run(["test", LETTERS[need], path], { folder: "/", timeoutMs: TEST_MS, as });
  // One that could not be started ends with 126.
  return code === 0 ? true : code === 1 ? false : undefined;
}

function connectTo(address: UpstreamAddress): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const target = address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
  const socket = createConnection(target);
  const end = (why: string | undefined) => {
    socket.destroy();
    resolve(why);
  };
  socket.setTimeout(CONNECT_MS, () => end("timeout"));
  socket.once("connect", () => end(undefined));
  socket.once("error", (error) => end((error as { code?: string }).code ?? error.message));
  return promise;
}

/** Certificates are judged elsewhere: here counts what is answered. */
async function get({ url, host, socket }: Asked): Promise<number | string> {
  try {
    const answer = await fetch(url, {
      redirect: "manual",
      headers: { host },
      signal: AbortSignal.timeout(GET_MS),
      tls: { rejectUnauthorized: false, serverName: host.replace(/:\d+$/, "") },
      ...(socket !== undefined && { unix: socket }),
    } as RequestInit);
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
