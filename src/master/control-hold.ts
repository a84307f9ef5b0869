/**
 * The server's hold on its configuration: the lock that says which process has it, the pid file where one is asked for, and
 * the control socket beside the lock, as long as the server lives. A default place that cannot be made costs the commands and
 * not the service; one that the configuration names is required. A successor (handover.ts) is given the locks themselves, so
 * that there is no moment without.
 */
import { existsSync } from "node:fs";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { acquireLock, heldLock, type LockFile, PID_FILE_MODE } from "../os/lock-file.ts";
import { AlreadyRunning, ControlServer, lockControl } from "./control.ts";
import {
  CONTROL_AUTO,
  CONTROL_OFF,
  type ControlPlace,
  makeControlPlace,
  thisUser,
  type Whoever,
} from "./control-place.ts";
import type { ControlCommands } from "./control-session.ts";
import { giveFile } from "./privileges.ts";

/** Descriptors of locks that are held. */
export interface HeldLocks {
  readonly control?: number | undefined;
  readonly pidFile?: number | undefined;
}

interface Locks {
  control: LockFile | undefined;
  pidFile: LockFile | undefined;
}

/** Those who clean directories of temporary files up remove what is old, locks and sockets too. */
const LOOK_MS = 2_000;

export class ControlHold {
  private readonly log: Log;
  private place: ControlPlace | undefined;
  private readonly locks: Locks;
  private readonly config: Config;
  private server: ControlServer | undefined;
  private timer: Timer | undefined;
  private version = "";
  private commands: ControlCommands | undefined;
  /** Not yet, or not any more, when the locks are held by another process too. */
  private isOurs: boolean;

  private constructor(config: Config, log: Log, place: ControlPlace | undefined, locks: Locks, isOurs: boolean) {
    this.config = config;
    this.log = log;
    this.place = place;
    this.locks = locks;
    this.isOurs = isOurs;
  }

  /** `held`: by a predecessor, which passes them on. Throws AlreadyRunning, or what the file system throws at a place that the
   *  configuration names. */
  static acquire(config: Config, log: Log, held?: HeldLocks): ControlHold {
    const place = placeOf(config, log);
    const control = place === undefined ? undefined : lock(place, config, held?.control);
    try {
      const pidFile = lockPidFile(config, held?.pidFile);
      return new ControlHold(config, log, place, { control, pidFile }, held === undefined);
    } catch (error) {
      if (held?.control === undefined) control?.release();
      throw error;
    }
  }

  /** From now on commands and pid files lead to this process. */
  listen(version: string, commands: ControlCommands): void {
    this.isOurs = true;
    this.version = version;
    this.commands = commands;
    this.locks.control?.claim();
    this.locks.pidFile?.claim();
    this.openSocket();
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  private openSocket(): void {
    const { place, version, commands, log } = this;
    if (place === undefined || commands === undefined) return;
    const uid = process.geteuid?.() ?? 0;
    try {
      this.server = new ControlServer(place, { version, uid, commands, log });
    } catch (error) {
      throw this.config.server.control === CONTROL_AUTO ? error : unusable(error);
    }
    log.info(`listening on ${place.socket}`);
  }

  /** What somebody has removed is made again: a server that cannot be asked goes on for ever. */
  private look(): void {
    const { locks, config } = this;
    try {
      if (locks.pidFile?.isInPlace() === false) {
        locks.pidFile = this.again(locks.pidFile, () => lockPidFile(config, undefined));
        this.log.notice(`${config.server.pidFile} was removed: it is made anew`);
      }
      if (this.place === undefined) return;
      // With its directory, it may be.
      const place = locks.control?.isInPlace() === false ? placeOf(config, this.log) : this.place;
      this.place = place;
      if (place === undefined) return;
      if (locks.control?.isInPlace() === false)
        locks.control = this.again(locks.control, () => lock(place, config, undefined));
      if (existsSync(place.socket)) return;
      this.server?.stopListening();
      this.log.notice(`${place.socket} was removed: it is made anew`);
      this.openSocket();
    } catch (error) {
      clearInterval(this.timer);
      this.log.error(`what was removed cannot be made anew: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private again(old: LockFile, make: () => LockFile | undefined): LockFile | undefined {
    const made = make();
    old.leave();
    return made;
  }

  get held(): HeldLocks {
    return { control: this.locks.control?.fd, pidFile: this.locks.pidFile?.fd };
  }

  /** Everything is the successor's from now on; what is being said goes on. */
  leave(): void {
    this.isOurs = false;
    clearInterval(this.timer);
    this.server?.stopListening();
  }

  release(): void {
    clearInterval(this.timer);
    this.server?.close();
    for (const each of [this.locks.control, this.locks.pidFile]) {
      if (this.isOurs) each?.release();
      else each?.leave();
    }
  }
}

function placeOf(config: Config, log: Log): ControlPlace | undefined {
  const { control } = config.server;
  if (control === CONTROL_OFF) return undefined;
  const place = makeControlPlace(config.file, control, owner(config));
  if (typeof place !== "string") return place;
  log.warn(`there is no control socket, so server status and reload will not find this server: ${place}`);
  return undefined;
}

/** Whose the server will be. Where only root may go is no place then. */
function owner({ server: { user } }: Config): Whoever {
  const { RUNTIME_DIRECTORY } = process.env;
  if (user === undefined || process.geteuid?.() !== 0) return thisUser();
  return { uid: user.uid, gid: user.gid, environment: { RUNTIME_DIRECTORY } };
}

function lock(place: ControlPlace, config: Config, held: number | undefined): LockFile {
  if (held !== undefined) return heldLock(held, place.lock);
  try {
    const made = lockControl(place, config.file);
    giveFile(made.fd, config.server);
    return made;
  } catch (error) {
    if (error instanceof AlreadyRunning || config.server.control === CONTROL_AUTO) throw error;
    throw unusable(error);
  }
}

/** What the configuration names. */
function unusable(error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error);
  return new Error(`server.control: ${why}; it should be in a directory that may be written, or "auto"`, {
    cause: error,
  });
}

function lockPidFile({ file, server: { pidFile: path } }: Config, held: number | undefined): LockFile | undefined {
  if (path === undefined) return undefined;
  if (held !== undefined) return heldLock(held, path);
  try {
    const found = acquireLock(path, PID_FILE_MODE);
    if ("heldBy" in found) throw new AlreadyRunning(file, found.heldBy);
    return found;
  } catch (error) {
    if (error instanceof AlreadyRunning) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`server.pid_file: ${why}; it should be in a directory that may be written`, { cause: error });
  }
}
