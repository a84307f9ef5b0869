/**
 * The control socket: a unix socket through which the owner of the server (and root) asks it and tells it to do things.
 * A session takes one request at a time and answers it before the next is read; it can be slow, silent or mad without
 * costing more than a few bounded buffers. What is said: control-protocol.ts; where the socket is: control-place.ts.
 */
import type { Log } from "../base/log.ts";
import { listen } from "../net/listen.ts";
import type { Listener } from "../net/listener.ts";
import { Outbox } from "../net/outbox.ts";
import { descriptorOf } from "../net/socket-wire.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { acquireLock, type LockFile } from "../os/lock-file.ts";
import { peerCredentials } from "../os/peer.ts";
import { SocketFile } from "../os/socket-file.ts";
import { closeDescriptor, duplicate, listenUnix } from "../os/sockets.ts";
import type { ControlPlace } from "./control-place.ts";
import { ControlSession, type ControlCommands } from "./control-session.ts";
import { ControlError, formatError, formatGreeting } from "./control-protocol.ts";

const SOCKET_MODE = 0o600;
/** Commands are rare: so many at once are a program gone mad. */
const SESSIONS_MAX = 32;
/** Silent sessions are closed; nothing else is timed here, so seldom is enough. */
const SWEEP_MS = 5_000;
const REFUSED_MS = 1_000;
/** (uid_t) -1 is no user. */
const NOBODY = 0xffffffff;

/** Another server has this configuration. */
export class AlreadyRunning extends Error {
  override name = "AlreadyRunning";

  constructor(configFile: string, pid: number | undefined) {
    const who = pid === undefined ? "" : `: pid ${pid}`;
    super(`${configFile}: already running${who}; stop that server first, or use another configuration file`);
  }
}

/** Taken before anything else is: two servers of one configuration never come to bind its ports. Undefined: where there
 *  is no place for it. Throws AlreadyRunning, or what the file system throws. */
export function lockControl(place: ControlPlace, configFile: string): LockFile {
  const lock = acquireLock(place.lock);
  if ("heldBy" in lock) throw new AlreadyRunning(configFile, lock.heldBy);
  return lock;
}

export interface ControlOptions {
  readonly version: string;
  /** Who may ask, besides root. */
  readonly uid: number;
  readonly commands: ControlCommands;
  readonly log: Log;
}

export class ControlServer {
  private readonly file: SocketFile;
  private readonly fd: number;
  private readonly options: ControlOptions;
  private readonly listener: Listener;
  private readonly sessions = new Set<ControlSession>();
  private readonly timer: Timer;
  private isDeaf = false;

  /** Throws OsError. */
  constructor(place: ControlPlace, options: ControlOptions) {
    this.options = options;
    this.fd = listenUnix(place.socket, SOCKET_MODE);
    this.file = new SocketFile(place.socket);
    this.listener = listen({ fd: duplicate(this.fd), unix: true, accept: (wire) => this.accept(wire) });
    this.timer = setInterval(() => this.sweep(), SWEEP_MS);
  }

  private accept(wire: OwnedWire): WireOwner {
    const refusal = this.refuse(wire);
    if (refusal !== undefined) return turnAway(wire, refusal);
    const { version, commands, log } = this.options;
    const session = new ControlSession(wire, commands, log, () => this.sessions.delete(session));
    this.sessions.add(session);
    session.greet(formatGreeting(version, process.pid));
    return session;
  }

  private refuse(wire: OwnedWire): ControlError | undefined {
    if (this.sessions.size >= SESSIONS_MAX) return new ControlError("busy", `${SESSIONS_MAX} others are connected`);
    const { uid, pid } = credentialsOf(wire);
    if (mayControl(uid, this.options.uid)) return undefined;
    this.options.log.warn(`control: user ${uid} (pid ${pid}) was refused`);
    return new ControlError("forbidden", "only the owner of the server and root may control it");
  }

  private sweep(): void {
    for (const session of this.sessions) session.tick();
  }

  /** What is being said goes on; the path is free for another. */
  stopListening(): void {
    if (this.isDeaf) return;
    this.isDeaf = true;
    this.listener.stop();
    this.file.remove();
    closeDescriptor(this.fd);
  }

  /** What is being said is cut off. */
  close(): void {
    clearInterval(this.timer);
    this.stopListening();
    for (const session of this.sessions) session.end();
  }
}

/** A peer that the kernel cannot name is nobody's. */
function credentialsOf(wire: OwnedWire): { readonly uid: number; readonly pid: number } {
  try {
    return peerCredentials(descriptorOf(wire));
  } catch {
    return { uid: NOBODY, pid: 0 };
  }
}

export function mayControl(peerUid: number, ownerUid: number): boolean {
  return peerUid === 0 || peerUid === ownerUid;
}

/** Closed when the peer is, who would otherwise lose the answer if it was still speaking; or soon. */
function turnAway(wire: OwnedWire, refusal: ControlError): WireOwner {
  new Outbox(wire).write(Buffer.from(formatError(null, refusal)));
  wire.shutdown();
  const timer = setTimeout(() => wire.abort(), REFUSED_MS);
  return { received: () => {}, drained: () => {}, ended: () => wire.close(), closed: () => clearTimeout(timer) };
}
