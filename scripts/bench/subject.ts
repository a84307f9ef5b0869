/** A peer that serves a scene: started in a folder of its own on a free port, waited for, stopped. What it costs is asked here. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { descendants } from "../../test/support/processes.ts";
import { freePort } from "../../test/support/folder.ts";
import { ask } from "../../test/support/wire.ts";
import { treeCpuMs } from "./cpu-clock.ts";
import type { Peer, Place, Running, Scene } from "./peers/peer.ts";

const START_BOUND_MS = 20_000;
const LOOK_MS = 2;

export interface Subject {
  readonly peer: Peer;
  readonly scene: Scene;
  readonly place: Place;
  readonly running: Running;
}

let instances = 0;

/** Does not wait until it serves. */
export async function launch(peer: Peer, scene: Scene, folder: string): Promise<Subject> {
  const own = join(folder, `peer${instances++}`);
  mkdirSync(own, { recursive: true, mode: 0o755 });
  const place = { folder: own, port: await freePort() };
  return { peer, scene, place, running: await peer.launch(scene, place) };
}

export async function start(peer: Peer, scene: Scene, folder: string): Promise<Subject> {
  const subject = await launch(peer, scene, folder);
  try {
    await serves(subject);
    return subject;
  } catch (error) {
    await subject.running.stop();
    throw error;
  }
}

/** Until it answers `path` with 200; of an address with TLS until it accepts. */
export async function serves({ scene, place, running }: Subject, path = "/"): Promise<void> {
  const end = performance.now() + START_BOUND_MS;
  const asks = scene.tls === undefined && (scene.app !== undefined || path !== "/");
  while (!(asks ? await answers(place.port, path) : await accepts(place.port))) {
    if (!running.isAlive()) throw new Error(`it ended: ${running.log()}`);
    if (performance.now() > end)
      throw new Error(`it does not serve after ${START_BOUND_MS / 1000} s: ${running.log()}`);
    await Bun.sleep(LOOK_MS);
  }
}

function answers(port: number, path: string): Promise<boolean> {
  return ask({ host: "127.0.0.1", port }, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function accepts(port: number): Promise<boolean> {
  const socket = { data: () => {}, error: () => {} };
  const opened = await Bun.connect({ hostname: "127.0.0.1", port, socket }).catch(() => undefined);
  opened?.terminate();
  return opened !== undefined;
}

export function cpuMs({ running }: Subject): number {
  return running.pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0);
}

/** Proportional set size of the whole tree: pages that several processes share are counted once. Needs to be root. */
export function memoryBytes({ running }: Subject): number {
  const pids = running.pids.flatMap((pid) => [pid, ...descendants(pid).map((process) => process.pid)]);
  return pids.reduce((sum, pid) => sum + pssOf(pid), 0);
}

function pssOf(pid: number): number {
  try {
    const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    // it has ended
    return 0;
  }
}
