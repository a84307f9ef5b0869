/**
 * Where the processes of an app put the numbers that prometheus_client shares between them (PROMETHEUS_MULTIPROC_DIR): a
 * directory for each app, empty at the start of the server, gone at its end. What a process that ended says of the moment
 * (`gauge_live…_PID.db`) is removed, as the library asks its server to (mark_process_dead); what it has counted stays.
 */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AppConfig } from "../config/config.ts";

const VARIABLE = "PROMETHEUS_MULTIPROC_DIR";
const PREFIX = "server-metrics-";
const LOOK_MS = 5_000;
const LIVE_GAUGE = /^gauge_live[a-z]*_(\d+)\.db$/;

export class MultiprocessMetrics {
  private readonly temporaryDirectory: string;
  private root: string | undefined;
  private timer: Timer | undefined;

  constructor(temporaryDirectory: string) {
    this.temporaryDirectory = temporaryDirectory;
  }

  /** The environment of an app, with the directory unless it names its own. Throws what the file system throws. */
  environment(app: AppConfig): Readonly<Record<string, string>> {
    if (VARIABLE in app.env || process.env[VARIABLE] !== undefined) return app.env;
    this.root ??= this.begin();
    const directory = join(this.root, app.name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { user, group } = app.process;
    if (user !== undefined) chownSync(directory, user.id, group ?? process.getgid?.() ?? 0);
    return { ...app.env, [VARIABLE]: directory };
  }

  private begin(): string {
    this.sweepLeftovers();
    this.timer = setInterval(() => this.clean(), LOOK_MS);
    const root = mkdtempSync(join(this.temporaryDirectory, `${PREFIX}${process.pid}-`));
    // Apps may run as other users, each in a directory of its own.
    chmodSync(root, 0o711);
    return root;
  }

  /** Of servers that were killed. */
  private sweepLeftovers(): void {
    for (const name of readdirSync(this.temporaryDirectory)) {
      const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
      if (pid !== undefined && !isAlive(Number(pid))) remove(join(this.temporaryDirectory, name));
    }
  }

  /** Of the processes that have ended. */
  clean(): void {
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
