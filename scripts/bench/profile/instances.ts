/**
 * The instances of the server that a profile starts, with their samplers. The first one stands for the whole row, and its fronts know
 * when they are to begin and to end. Rows about starts, memory and idle connections measure further instances, each of which
 * lives as long as it is measured: their fronts are asked for what they have seen before they are stopped.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../../test/support/folder.ts";
import type { Peer, Place, Running, Scene } from "../peers/peer.ts";
import { serverPeer } from "../peers/server.ts";
import { askedBy, fromJsc, PARTIAL, samplesOf, type Stack } from "./stacks.ts";

const PRELOAD = fileURLToPath(new URL("./preload.ts", import.meta.url));

/** A front thread may take so long to write what it has seen: it grows with the seconds. */
const WRITTEN_MS = 60_000;
const LOOK_MS = 100;

export interface Window {
  readonly afterMs: number;
  readonly forMs: number;
}

export class Instances {
  readonly peer: Peer;
  /** What further instances do from now on belongs to the row. */
  isMeasuring = false;
  private readonly folder: string;
  private readonly window: Window;
  private readonly pids: number[] = [];
  /** Those of `pids` whose samples are of the row. */
  private readonly measured: number[] = [];

  constructor(folder: string, window: Window) {
    this.folder = folder;
    this.window = window;
    this.peer = { ...this.begun({}), launch: (scene, place) => this.launch(scene, place) };
  }

  /** How many instances the row has measured itself; 0 where it is the first one that it asked. */
  get further(): number {
    return this.measured.length;
  }

  /** Of the instances that the row is about. */
  async stacks(): Promise<Stack[]> {
    const [first = 0] = this.pids;
    const { afterMs, forMs } = this.window;
    if (this.further === 0) await this.written(first, performance.now() + afterMs + forMs + WRITTEN_MS);
    const pids = this.further === 0 ? [first] : this.measured;
    const whole = pids.flatMap((pid) => this.filesOf(pid)).filter((name) => !name.endsWith(PARTIAL));
    return whole.flatMap((name) => fromJsc(readFileSync(join(this.folder, name), "utf8"), ROOT));
  }

  private begun(env: Readonly<Record<string, string>>): Peer {
    const command = [process.execPath, "--preload", PRELOAD, join(ROOT, "src/main.ts")];
    return serverPeer({ command, env: { PROFILE_FOLDER: this.folder, ...env } });
  }

  private async launch(scene: Scene, place: Place): Promise<Running> {
    const { afterMs, forMs } = this.window;
    const isFirst = this.pids.length === 0;
    const when = isFirst ? { PROFILE_AFTER_MS: String(afterMs), PROFILE_FOR_MS: String(forMs) } : {};
    const running = await this.begun(when).launch(scene, place);
    const [pid = 0] = running.pids;
    this.pids.push(pid);
    return isFirst ? running : { ...running, stop: () => this.stop(pid, running) };
  }

  private async stop(pid: number, running: Running): Promise<void> {
    if (this.isMeasuring) {
      this.measured.push(pid);
      writeFileSync(join(this.folder, askedBy(pid)), "");
      await this.written(pid, performance.now() + WRITTEN_MS);
    }
    await running.stop();
  }

  /** Waits for the samples of a process, and says whose did not come. */
  private async written(pid: number, untilMs: number): Promise<void> {
    const missing = () => this.filesOf(pid).filter((name) => name.endsWith(PARTIAL));
    while (missing().length > 0 && performance.now() < untilMs) await Bun.sleep(LOOK_MS);
    for (const name of missing()) console.log(`without ${name.slice(0, -PARTIAL.length)}: it was not written in time`);
  }

  private filesOf(pid: number): string[] {
    return readdirSync(this.folder).filter((name) => name.startsWith(samplesOf(pid, "").replace(".json", "")));
  }
}
