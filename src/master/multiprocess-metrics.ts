/**
 * Where the processes of an app put the numbers that prometheus_client shares between them (PROMETHEUS_MULTIPROC_DIR): a
 * directory for each app, empty at the start of the server, gone at its end. What a process that ended says of the moment
 * (`gauge_live…_PID.db`) is removed, as the library asks its server to (mark_process_dead); what it has counted stays.
 */
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AppConfig } from "../config/config.ts";
import { isAlive } from "../os/process-state.ts";

const VARIABLE = "PROMETHEUS_MULTIPROC_DIR";
const PREFIX = "server-metrics-";
const LOOK_MS = 5_000;
/** Apps may run as other users, each in a directory of its own. */
const ROOT_MODE = 0o711;
const LIVE_GAUGE = /^gauge_live[a-z]*_(\d+)\.db$/;

export class MultiprocessMetrics {
  private readonly temporaryDirectory: string;
  private root: string | undefined;
  /** Of the directories of apps; undefined: ours. */
  private readonly owners = new Map<string, { readonly uid: number; readonly gid: number } | undefined>();
  private timer: Timer | undefined;

  constructor(temporaryDirectory: string) {
    this.temporaryDirectory = temporaryDirectory;
  }

  /** The environment of an app, with the directory unless it names its own. Throws what the file system throws. */
  environment(app: AppConfig): Readonly<Record<string, string>> {
    if (VARIABLE in app.env || process.env[VARIABLE] !== undefined) return app.env;
    this.root ??= this.begin();
    const directory = join(this.root, app.name);
    const { user, group } = app.process;
    this.owners.set(directory, user && { uid: user.id, gid: group ?? process.getgid?.() ?? 0 });
    this.make(directory);
    return { ...app.env, [VARIABLE]: directory };
  }

  private make(directory: string): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const owner = this.owners.get(directory);
    if (owner !== undefined) chownSync(directory, owner.uid, owner.gid);
  }

  private begin(): string {
    this.sweepLeftovers();
    this.timer = setInterval(() => this.clean(), LOOK_MS);
    const root = mkdtempSync(join(this.temporaryDirectory, `${PREFIX}${process.pid}-`));
    chmodSync(root, ROOT_MODE);
    return root;
  }

  /** Of servers that were killed. */
  private sweepLeftovers(): void {
    for (const name of readdirSync(this.temporaryDirectory)) {
      const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
      if (pid !== undefined && !isAlive(Number(pid))) remove(join(this.temporaryDirectory, name));
    }
  }

  /** Who cleans directories of temporary files up may take these away: a worker that is started then could not be. What somebody
   *  else has put there is left alone. */
  private restore(root: string): void {
    try {
      if (!existsSync(root)) makeRoot(root);
      if (lstatSync(root).uid !== process.geteuid?.()) return;
      for (const directory of this.owners.keys()) if (!existsSync(directory)) this.make(directory);
    } catch {
      // somebody was faster
    }
  }

  /** Of the processes that have ended. */
  clean(): void {
    if (this.root !== undefined) this.restore(this.root);
    for (const app of this.root === undefined ? [] : entries(this.root)) {
      for (const file of entries(app)) {
        const pid = LIVE_GAUGE.exec(file.slice(app.length + 1))?.[1];
        if (pid !== undefined && !isAlive(Number(pid))) remove(file);
      }
    }
  }

  close(): void {
    clearInterval(this.timer);
    if (this.root !== undefined) remove(this.root);
    this.root = undefined;
  }
}

function makeRoot(path: string): void {
  mkdirSync(path);
  chmodSync(path, ROOT_MODE);
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    // somebody removed it
    return [];
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // another user's: it is not ours to remove
  }
}
