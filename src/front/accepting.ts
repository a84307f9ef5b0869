/**
 * The listeners of a front, and the pause of all of them while the process is short of descriptors. At EMFILE
 * nobody could be accepted, answered or proxied any more, so that state must never be reached: a part of the descriptors is
 * kept for files, upstreams, spools and workers of the connections that are open, and when only that part is left the
 * listeners are closed. Theirs were duplicates: the kernel goes on queueing connections on the master's, and they are
 * accepted when there is room again.
 *
 *   open ──only the reserve is left──▶ paused (idle connections are closed) ──room again──▶ open
 */
import type { Usage } from "../exchange/usage.ts";
import { listen } from "../net/listen.ts";
import type { Listener } from "../net/listener.ts";
import type { TlsListener } from "../net/listen-tls.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { closeDescriptor, duplicate } from "../os/sockets.ts";
import type { ListenerHandle } from "./messages.ts";

/** How often a pause asks whether it is over. */
export const PAUSE_MS = 25;

/** The reserve: an eighth of what there is beyond what an idle server has open, within bounds. */
const RESERVE_PART = 8;
const RESERVE_MIN = 16;
const RESERVE_MAX = 1024;

export interface Descriptors {
  /** Infinity for no bound. */
  readonly max: number;
  open(): number;
}

export interface AcceptingOptions {
  /** At first. */
  readonly handles: readonly ListenerHandle[];
  /** What takes the connections of a listener, by its key. */
  readonly acceptor: (key: string) => (wire: OwnedWire) => WireOwner;
  /** For encrypted addresses, in place of `acceptor`. */
  readonly secure: (handle: ListenerHandle) => TlsListener;
  readonly descriptors: Descriptors;
  /** Other fronts accept at the same time. */
  readonly fronts: number;
  /** Close so many idle connections, if there are. */
  readonly shedIdle: (count: number) => void;
  /** Whether another front has closed its listeners for want of descriptors: it can close no connections but its own. */
  readonly pauses: Pick<Usage, "othersPaused" | "setPaused">;
  /** The listeners are closed: `open` of `max` descriptors are in use. */
  readonly paused: (open: number) => void;
  readonly resumed: () => void;
}

export class Accepting {
  private readonly options: AcceptingOptions;
  private readonly reserve: number;
  private handles: readonly ListenerHandle[];
  /** By key. */
  private readonly listeners = new Map<string, Listener | TlsListener>();
  private state: "stopped" | "open" | "paused" = "stopped";
  /** Connections that may be accepted before descriptors are counted again. */
  private allowance = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AcceptingOptions) {
    this.options = options;
    this.handles = options.handles;
    const { max, open } = options.descriptors;
    this.reserve = reserveOf(max, open());
  }

  start(): void {
    this.listenAll();
    this.state = "open";
  }

  /** For good. The master's sockets that are this front's alone are closed here and now: what the kernel would still queue
   *  until the master got round to it would be reset. */
  stop(): void {
    this.state = "stopped";
    clearTimeout(this.timer);
    for (const listener of this.listeners.values()) listener.finish();
    this.listeners.clear();
    this.handles.forEach(closeOwn);
  }

  /** On these from now on, and still on all others until it leaves them. Other certificates are shown, and an address may have
   *  another socket. */
  change(handles: readonly ListenerHandle[]): void {
    const before = new Map(this.handles.map((handle) => [handle.key, handle]));
    for (const { key, tls, fd } of handles) {
      const old = before.get(key);
      if (old?.tls !== tls || old?.fd !== fd) this.close(key);
    }
    const others = this.handles.filter(({ key }) => !handles.some((each) => each.key === key));
    this.handles = [...handles, ...others];
    this.refreshSecure();
    if (this.state === "open") this.listenAll();
  }

  private close(key: string): void {
    this.listeners.get(key)?.stop();
    this.listeners.delete(key);
  }

  /** On these no more, for good; see `stop`. */
  leave(keys: ReadonlySet<string>): void {
    const left = this.handles.filter(({ key }) => keys.has(key));
    this.handles = this.handles.filter(({ key }) => !keys.has(key));
    for (const handle of left) {
      this.listeners.get(handle.key)?.finish();
      this.listeners.delete(handle.key);
      closeOwn(handle);
    }
  }

  /** To be called for each connection, and now and then besides: others open descriptors too. */
  accepted(): void {
    if (--this.allowance < 0) this.count();
  }

  /** At each sweep. */
  tick(): void {
    if (this.state !== "open") return;
    this.count();
    // The room that is missing there may be held by idle connections here.
    if (this.options.pauses.othersPaused) this.options.shedIdle(this.reserve);
  }

  private count(): void {
    const room = this.room();
    // Half of what is left, in equal parts: nobody's part can use up another's.
    this.allowance = Math.max(0, Math.floor(room / (2 * this.options.fronts)));
    if (room <= 0 && this.state === "open") this.pause();
  }

  /** Descriptors beyond the reserve. */
  private room(): number {
    const { max, open } = this.options.descriptors;
    return max === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : max - this.reserve - open();
  }

  private pause(): void {
    this.state = "paused";
    this.closeListeners();
    this.options.pauses.setPaused(true);
    this.options.paused(this.options.descriptors.open());
    this.makeRoom();
  }

  /** Until a quarter of the reserve is free besides it, so that it does not pause again at once. */
  private makeRoom(): void {
    const wanted = Math.ceil(this.reserve / 4);
    const missing = wanted - this.room();
    if (missing > 0) this.options.shedIdle(missing);
    this.timer = setTimeout(() => this.tryAgain(), PAUSE_MS);
  }

  private tryAgain(): void {
    if (this.state !== "paused") return;
    if (this.room() < Math.ceil(this.reserve / 4)) return this.makeRoom();
    try {
      this.listenAll();
    } catch {
      // others were faster: no descriptor is left for a listener
      this.closeListeners();
      return this.makeRoom();
    }
    this.state = "open";
    this.count();
    this.options.pauses.setPaused(false);
    this.options.resumed();
  }

  private listenAll(): void {
    const { acceptor, secure } = this.options;
    for (const handle of this.handles) {
      const { key, fd, unix, tls } = handle;
      if (this.listeners.has(key)) continue;
      const plain = () => listen({ fd: duplicate(fd), unix, accept: acceptor(key) });
      this.listeners.set(key, tls === undefined ? plain() : secure(handle));
    }
  }

  /** Other certificates are shown from now on. */
  refreshSecure(): void {
    for (const listener of this.listeners.values()) if ("refresh" in listener) listener.refresh();
  }

  private closeListeners(): void {
    for (const listener of this.listeners.values()) listener.stop();
    this.listeners.clear();
  }
}

/** The master's socket, when it is this front's alone. */
function closeOwn({ fd, shared }: ListenerHandle): void {
  if (!shared) closeDescriptor(fd);
}

function reserveOf(max: number, open: number): number {
  const part = Math.floor((max - open) / RESERVE_PART);
  return Math.min(RESERVE_MAX, Math.max(RESERVE_MIN, part));
}
