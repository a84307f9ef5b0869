/**
 * Every listening socket of the server, owned by the master: one SO_REUSEPORT socket per front for a TCP address, one
 * shared socket for a unix path. Front threads listen on duplicates, so a thread's end closes no port. Another
 * configuration keeps the sockets of addresses that it names too; those it does not name are closed when every front has
 * left them. Sockets may come from outside: from the server before this one, or from systemd. A unix socket whose file
 * somebody has removed is bound anew by the next configuration, were it the same.
 */
import { lstatSync } from "node:fs";
import type { Config, ListenAddress } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import type { ListenerHandle } from "../front/messages.ts";
import type { TlsPolicy } from "../net/server-tls.ts";
import { SocketFile } from "../os/socket-file.ts";
import { changeMode, closeDescriptor, duplicate, listenTcp, listenUnix } from "../os/sockets.ts";
import { bindProblem } from "./bind-problem.ts";

interface Wanted {
  readonly address: ListenAddress;
  readonly key: string;
  /** Set for one that is an app's alone. */
  readonly app: string | undefined;
  /** Set for one that is encrypted. */
  readonly tls: TlsPolicy | undefined;
}

export interface GivenListeners {
  readonly fds: readonly number[];
  /** Those of an address; undefined: none was given. */
  readonly find: (address: ListenAddress, key: string) => readonly number[] | undefined;
  /** By systemd, which keeps them: they are there again when a later configuration wants them, and their paths are not ours to
   *  remove. Else they are ours, and closed when nobody wants them. */
  readonly lent: boolean;
}

const NONE_GIVEN: GivenListeners = { fds: [], find: () => undefined, lent: false };

interface Listening extends Wanted {
  /** One for each front, or one for all. */
  readonly fds: number[];
  readonly shared: boolean;
  /** Of a unix socket. */
  readonly file: SocketFile | undefined;
  /** systemd's: its file is not ours to make or remove. */
  readonly lent: boolean;
  /** The fronts that listen on it. */
  readonly users: Set<number>;
}

export interface StagedListeners {
  readonly next: readonly Listening[];
  readonly added: readonly Listening[];
  readonly removed: readonly Listening[];
  /** Unix sockets whose files are gone, and why they cannot be made again. */
  readonly lost: readonly string[];
}

type Taken = Pick<Listening, "fds" | "shared" | "file" | "lent">;

const CLOSED = -1;

export class Listeners {
  private readonly fronts: number;
  private given: GivenListeners;
  private listening: readonly Listening[] = [];
  /** Of the configuration before, until every front has left them. */
  private leaving: Listening[] = [];
  private whenLeft: () => void = () => {};
  /** Not yet, or not any more, when another process has them too. */
  private areOurs: boolean;

  constructor(fronts: number, given: GivenListeners = NONE_GIVEN) {
    this.fronts = fronts;
    this.given = given;
    this.areOurs = given.lent || given.fds.length === 0;
  }

  /** Binds everything that the configuration names and is not there yet, or nothing: throws with the setting, the address
   *  and the remedy in its message. */
  stage(config: Config): StagedListeners {
    const wanted = wantedBy(config);
    const added: Listening[] = [];
    const lost: string[] = [];
    const add = (each: Wanted, taken: Taken) => {
      const fresh = { ...each, ...taken, users: allOf(this.fronts) };
      added.push(fresh);
      return fresh;
    };
    try {
      const next = wanted.map((each) => {
        const known = this.listening.find(({ key }) => key === each.key);
        if (known === undefined) return add(each, this.take(each));
        const again = hasFile(known) ? undefined : this.bindAgain(known, each);
        if (typeof again === "object") return add(each, again);
        if (again !== undefined) lost.push(again);
        return { ...known, ...each };
      });
      const stays = ({ key }: Wanted) => next.some((each) => each.key === key && !added.includes(each));
      return { next, added, removed: this.listening.filter((each) => !stays(each)), lost };
    } catch (error) {
      for (const each of added) this.closeAll(each);
      throw error;
    }
  }

  /** What was given, or what is bound now. */
  private take(wanted: Wanted): Taken {
    const isUnix = wanted.address.kind === "unix";
    const given = this.given.find(wanted.address, wanted.key);
    if (given === undefined) return { fds: this.bind(wanted), shared: isUnix, file: fileOf(wanted), lent: false };
    const { lent } = this.given;
    const shared = isUnix || given.length < this.fronts;
    const taken = given.slice(0, shared ? 1 : this.fronts);
    return { fds: lent ? taken.map(duplicate) : taken, shared, file: fileOf(wanted), lent };
  }

  /** What cannot be is no reason to refuse a configuration: its text then. */
  private bindAgain({ lent }: Listening, wanted: Wanted): Taken | string {
    const { key } = wanted;
    if (lent)
      return `${key} was removed, and is systemd's to make: stop the service and its socket unit, and start both`;
    try {
      return { fds: this.bind(wanted), shared: true, file: fileOf(wanted), lent };
    } catch (error) {
      return `${key} was removed and cannot be made anew: ${(error as Error).message}`;
    }
  }

  /** Of these nobody finds the file. */
  get lost(): string[] {
    return this.listening.filter((each) => !hasFile(each)).map(({ key }) => key);
  }

  private bind({ address, app }: Wanted): number[] {
    // The probe for other programs would find our own socket on a wider address.
    const isOurs =
      address.kind === "tcp" &&
      this.listening.some((each) => each.address.kind === "tcp" && each.address.port === address.port);
    return bind(address, app, this.fronts, !isOurs);
  }

  inForce(): StagedListeners {
    return { next: this.listening, added: [], removed: [], lost: [] };
  }

  discard({ added }: StagedListeners): void {
    for (const each of added) this.closeAll(each);
  }

  /** They are systemd's, which keeps them between two of our processes. */
  get areLent(): boolean {
    return this.given.lent;
  }

  /** For another process. */
  passOn(): Record<string, readonly number[]> {
    return Object.fromEntries(this.listening.map(({ key, fds }) => [key, fds]));
  }

  /** The process that has passed them on is leaving. */
  takeOver(): void {
    this.areOurs = true;
  }

  /** What was passed on is another's: its paths stay. */
  leave(): void {
    this.areOurs = false;
  }

  /** From now on; what is removed waits for `closeFor`. */
  commit({ next, added, removed }: StagedListeners): void {
    for (const { address } of next.filter((each) => !added.includes(each)))
      if (address.kind === "unix") setMode(address.path, address.mode);
    this.listening = next;
    // Who comes while the fronts still accept what is queued would be queued behind it, and reset.
    for (const each of removed) this.removeFile(each);
    this.leaving.push(...removed);
    if (!this.given.lent) this.closeUnused();
  }

  /** What was given and nobody wants: nobody would accept what the kernel queues there. */
  private closeUnused(): void {
    const used = new Set(this.listening.flatMap(({ fds }) => fds));
    for (const fd of this.given.fds) if (!used.has(fd)) closeDescriptor(fd);
    this.given = NONE_GIVEN;
  }

  /** Resolves when nobody listens any more where the configuration in force does not. */
  async left(): Promise<void> {
    while (this.leaving.length > 0) await new Promise<void>((resolve) => (this.whenLeft = resolve));
  }

  /** What front number `front` listens on. */
  handles(front: number, { next }: StagedListeners): ListenerHandle[] {
    return next.map(({ address, key, app, tls, fds, shared }) => ({
      fd: (shared ? fds[0] : fds[front]) as number,
      key,
      unix: address.kind === "unix",
      shared,
      proxyProtocol: address.proxyProtocol === true,
      uwsgi: app !== undefined || address.uwsgi === true,
      tls,
      app,
    }));
  }

  /** Addresses for people, HTTP ones as URLs. */
  describe(): string[] {
    return this.listening.map(describe);
  }

  /** Front number `front` listens no more: anywhere, or on what is to be left. It has closed its own sockets; those that all
   *  share are closed with the last. */
  closeFor(front: number, which: "all" | "leaving"): void {
    const concerned = which === "all" ? [...this.listening, ...this.leaving] : this.leaving;
    for (const { shared, fds, users } of concerned) {
      users.delete(front);
      if (!shared) fds[front] = CLOSED;
    }
    for (const each of concerned) if (each.users.size === 0) this.closeAll(each);
    this.leaving = this.leaving.filter(({ users }) => users.size > 0);
    if (this.leaving.length === 0) this.whenLeft();
  }

  /** Once: what is closed is marked so. */
  private closeAll(each: Listening): void {
    const { fds, shared } = each;
    if (shared && fds[0] === CLOSED) return;
    this.removeFile(each);
    for (const fd of fds) if (fd !== CLOSED) closeDescriptor(fd);
    fds.fill(CLOSED);
  }

  /** As long as the socket is open nothing else can pass for its file. */
  private removeFile({ file, lent }: Listening): void {
    if (!lent && this.areOurs) file?.remove();
  }

  close(): void {
    for (const each of [...this.listening, ...this.leaving]) this.closeAll(each);
    this.listening = this.leaving = [];
  }
}

function fileOf({ address }: Wanted): SocketFile | undefined {
  return address.kind === "unix" ? new SocketFile(address.path) : undefined;
}

function hasFile({ file }: Listening): boolean {
  return file === undefined || file.isInPlace;
}

function allOf(fronts: number): Set<number> {
  return new Set(Array.from({ length: fronts }, (_, front) => front));
}

export function describe({ address, key, app, tls }: Wanted): string {
  if (app !== undefined || address.uwsgi === true) return `uwsgi://${key}`;
  return address.kind === "tcp" ? `http${tls === undefined ? "" : "s"}://${key}` : key;
}

/** Throws an Error that names the setting and the remedy. */
function bind(address: ListenAddress, app: string | undefined, fronts: number, probes: boolean): number[] {
  try {
    return address.kind === "tcp"
      ? listenTcp(address, fronts, probes).fds
      : [listenUnix(address.path, address.mode, address.owner)];
  } catch (error) {
    throw bindProblem(app === undefined ? "site.listen" : `app.${app}.uwsgi_socket`, address, error as Error);
  }
}

function wantedBy(config: Config): Wanted[] {
  const found = new Map<string, Wanted>();
  const add = (address: ListenAddress, app?: string, tls?: TlsPolicy) => {
    const key = listenKey(address);
    found.set(key, { address, key, app, tls });
  };
  for (const { listen, tls } of config.sites) {
    for (const address of listen) add(address, undefined, address.tls === true ? tls?.policy : undefined);
  }
  for (const app of config.apps) for (const address of app.uwsgiSockets) add(address, app.name);
  return [...found.values()];
}

/** Of one that is another's only who may. Somebody may have removed it, or put a link there that leads to another file: the
 *  socket that is listened on has no name then. */
function setMode(path: string, mode: number): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() === true && (found.mode & 0o777) !== mode) changeMode(path, mode);
}
