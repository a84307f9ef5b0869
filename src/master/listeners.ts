/**
 * Every listening socket of the server, owned by the master: one SO_REUSEPORT socket per front for a TCP address, one
 * shared socket for a unix path. Front threads listen on duplicates, so a thread's end closes no port.
 */
import { unlinkSync } from "node:fs";
import type { Config, ListenAddress } from "../config/config.ts";
import { listenKey } from "../config/listen.ts";
import type { ListenerHandle } from "../front/messages.ts";
import type { TlsPolicy } from "../net/server-tls.ts";
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, OsError } from "../os/libc.ts";
import { closeDescriptor, listenTcp, listenUnix } from "../os/sockets.ts";

interface Listening {
  readonly address: ListenAddress;
  readonly key: string;
  readonly app: string | undefined;
  readonly tls: TlsPolicy | undefined;
  /** One for each front (tcp), or one for all (unix). */
  readonly fds: number[];
  /** The fronts that listen on it. */
  readonly users: Set<number>;
}

const CLOSED = -1;

export class Listeners {
  private readonly listening: Listening[] = [];

  /** Binds everything the configuration names, or nothing: throws OsError with the address in its message. */
  static open(config: Config): Listeners {
    const listeners = new Listeners();
    try {
      for (const each of wanted(config)) listeners.add(each, config.server.fronts);
      return listeners;
    } catch (error) {
      listeners.close();
      throw error;
    }
  }

  private add({ address, app, tls }: Wanted, fronts: number): void {
    const key = listenKey(address);
    const fds = bind(address, app, fronts);
    this.listening.push({
      address,
      key,
      app,
      tls,
      fds,
      users: new Set(Array.from({ length: fronts }, (_, front) => front)),
    });
  }

  /** What front number `front` listens on. */
  handles(front: number): ListenerHandle[] {
    return this.listening.map(({ address, key, app, tls, fds }) => ({
      fd: (fds.length === 1 ? fds[0] : fds[front]) as number,
      key,
      unix: address.kind === "unix",
      proxyProtocol: address.proxyProtocol === true,
      tls,
      app,
    }));
  }

  /** Addresses for people, HTTP ones as URLs. */
  describe(): string[] {
    return this.listening.map(({ address, key, app, tls }) => {
      if (app !== undefined) return `uwsgi://${key}`;
      return address.kind === "tcp" ? `http${tls === undefined ? "" : "s"}://${key}` : key;
    });
  }

  /** Front number `front` listens no more. It has closed its own sockets; those that all share are closed with the last. */
  closeFor(front: number): void {
    for (const listening of this.listening) listening.users.delete(front);
    for (const { address, fds } of this.listening) {
      if (address.kind === "tcp") fds[front] = CLOSED;
    }
    if (this.listening.every(({ users }) => users.size === 0)) this.close();
  }

  close(): void {
    for (const { address, fds } of this.listening.splice(0)) {
      for (const fd of fds) if (fd !== CLOSED) closeDescriptor(fd);
      if (address.kind === "unix") removePath(address.path);
    }
  }
}

/** Throws an Error that names the setting and the remedy. */
function bind(address: ListenAddress, app: string | undefined, fronts: number): number[] {
  try {
    return address.kind === "tcp"
      ? listenTcp(address, fronts).fds
      : [listenUnix(address.path, address.mode, address.owner)];
  } catch (error) {
    const setting = app === undefined ? "site.listen" : `app.${app}.uwsgi_socket`;
    throw new Error(`${setting}: ${(error as Error).message}${remedy(error)}`, { cause: error });
  }
}

function remedy(error: unknown): string {
  if (!(error instanceof OsError)) return "";
  switch (error.errno) {
    case EADDRINUSE:
      return "; stop the program that listens there, or choose another address";
    case EADDRNOTAVAIL:
      return "; choose an address that this machine has, or 0.0.0.0 for all of them";
    case EACCES:
      return "; ports below 1024 need root or CAP_NET_BIND_SERVICE, unix sockets a directory that may be written";
    default:
      return "";
  }
}

type Wanted = Pick<Listening, "address" | "app" | "tls">;

function wanted(config: Config): Wanted[] {
  const found = new Map<string, Wanted>();
  for (const { listen, tls } of config.sites) {
    for (const address of listen) {
      const policy = address.tls === true ? tls?.policy : undefined;
      found.set(listenKey(address), { address, app: undefined, tls: policy });
    }
  }
  for (const app of config.apps) {
    for (const address of app.uwsgiSockets) found.set(listenKey(address), { address, app: app.name, tls: undefined });
  }
  return [...found.values()];
}

export function removePath(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // somebody was faster
  }
}
