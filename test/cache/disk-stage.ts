/** A disk cache in a folder of the test, and a response cache with hardly any memory in front of it. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Log, makeLog } from "../../src/base/log.ts";
import { DiskTier } from "../../src/cache/disk.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { CacheStage } from "./stage.ts";

/** The monotonic clock at a start. */
const BOOTED_MS = 1000;

export interface DiskStageOptions {
  readonly bytesMax?: number;
  readonly memoryBytesMax?: number;
  readonly keeps?: boolean;
}

export class DiskStage {
  readonly folder: string;
  readonly directory: string;
  readonly logged: string[] = [];
  private readonly log: Log;
  /** Goes on over restarts. */
  private wall = () => Date.UTC(2026, 0, 1);

  constructor(folder = makeFolder("disk-cache")) {
    this.folder = folder;
    this.directory = join(folder, "own");
    this.log = makeLog("test", "info", (line) => void this.logged.push(line));
  }

  /** As after a start of the server; the disk is being read. */
  begin(options: DiskStageOptions = {}): CacheStage & { readonly disk: DiskTier } {
    const { bytesMax = 1024 * 1024, memoryBytesMax = 6000, keeps = true } = options;
    const bootedAt = this.wall();
    let now = () => BOOTED_MS;
    const wall = () => bootedAt + now() - BOOTED_MS;
    const disk = new DiskTier({ directory: this.directory, bytesMax, keeps }, this.log, () => now(), wall);
    const stage = new CacheStage({ memoryBytesMax }, disk);
    stage.nowMs = BOOTED_MS;
    now = () => stage.nowMs;
    this.wall = wall;
    return Object.assign(stage, { disk });
  }

  async open(options: DiskStageOptions = {}) {
    const stage = this.begin(options);
    await stage.disk.flush(5000);
    return stage;
  }

  get files(): string[] {
    return readdirSync(this.directory).toSorted();
  }

  [Symbol.dispose](): void {
    removeFolder(this.folder);
  }
}

/** What is answered to a GET for `path`, once it is; `next` is what the handler says if it is asked. */
export async function fetchPage(stage: CacheStage, path: string, next: string): Promise<string> {
  const before = stage.asked.length;
  const made = stage.request({ path });
  await until(`an answer for ${path}`, 5000, () => made.reply.state === "finished" || stage.asked.length > before);
  if (stage.asked.length > before) stage.answer(next);
  return stage.show(made);
}
