/**
 * The server's hold on its configuration: the lock that says which process has it, and the control socket beside it, as
 * long as the server lives. A default place that cannot be made costs the commands and not the service; one that the
 * configuration names is required.
 */
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { LockFile } from "../os/lock-file.ts";
import { AlreadyRunning, ControlServer, lockControl } from "./control.ts";
import { CONTROL_AUTO, CONTROL_OFF, type ControlPlace, makeControlPlace, thisUser } from "./control-place.ts";
import type { ControlCommands } from "./control-session.ts";

export class ControlHold {
  private readonly log: Log;
  private readonly place: ControlPlace | undefined;
  private readonly lock: LockFile | undefined;
  private server: ControlServer | undefined;

  private constructor(log: Log, place: ControlPlace | undefined, lock: LockFile | undefined) {
    this.log = log;
    this.place = place;
    this.lock = lock;
  }

  /** Throws AlreadyRunning, or what the file system throws at a place that the configuration names. */
  static acquire(config: Config, log: Log): ControlHold {
    const { control } = config.server;
    if (control === CONTROL_OFF) return new ControlHold(log, undefined, undefined);
    const place = makeControlPlace(config.file, control, thisUser());
    if (typeof place !== "string") return new ControlHold(log, place, lock(place, config));
    log.warn(`there is no control socket, so server status and reload will not find this server: ${place}`);
    return new ControlHold(log, undefined, undefined);
  }

  listen(version: string, commands: ControlCommands): void {
    if (this.place === undefined) return;
    const uid = process.geteuid?.() ?? 0;
    this.server = new ControlServer(this.place, { version, uid, commands, log: this.log });
    this.log.info(`listening on ${this.place.socket}`);
  }

  release(): void {
    this.server?.close();
    this.lock?.release();
  }
}

function lock(place: ControlPlace, config: Config): LockFile {
  try {
    return lockControl(place, config.file);
  } catch (error) {
    if (error instanceof AlreadyRunning || config.server.control === CONTROL_AUTO) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`server.control: ${why}; it should be in a directory that may be written, or "auto"`, {
      cause: error,
    });
  }
}
