/**
 * The private listener of [metrics]: for people and programs that look after the server. The master answers it, which
 * serves nobody else: it can be slow without a client noticing.
 */
import { monotonicMs } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ListenAddress } from "../config/config.ts";
import type { MetricsConfig } from "../config/metrics-config.ts";
import { listenKey } from "../config/listen.ts";
import { listen } from "../net/listen.ts";
import type { Listener } from "../net/listener.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { SocketFile } from "../os/socket-file.ts";
import { closeDescriptor, duplicate, listenTcp, listenUnix } from "../os/sockets.ts";
import { bindProblem } from "./bind-problem.ts";
import type { Measurements } from "./measurements.ts";
import { answerPrivately, type PageSources } from "./private-pages.ts";
import { PrivateSession } from "./private-session.ts";
import type { RecentLines } from "./recent-lines.ts";

/** A browser opens six, Prometheus one. */
const SESSIONS_MAX = 64;
const SWEEP_MS = 5_000;
/** Of a predecessor: 10 s. */
const SUCCEED_TRIES = 50;
const SUCCEED_PAUSE_MS = 200;

export class PrivateListener {
  /** A reload may bring another token. */
  config: MetricsConfig;
  private readonly fd: number;
  private readonly file: SocketFile | undefined;
  private readonly sources: PageSources;
  private readonly sessions = new Set<PrivateSession>();
  private listener: Listener | undefined;
  private timer: Timer | undefined;

  /** Binds; `open` begins to answer. Throws an Error that names the setting and the remedy. */
  constructor(config: MetricsConfig, sources: PageSources) {
    const { address } = config;
    this.config = config;
    this.sources = sources;
    this.fd = bind(address);
    this.file = address.kind === "unix" ? new SocketFile(address.path) : undefined;
  }

  /** False: somebody has removed it, and nobody finds it any more. */
  get hasFile(): boolean {
    return this.file?.isInPlace !== false;
  }

  open(log: Log): void {
    const unix = this.config.address.kind === "unix";
    this.listener = listen({ fd: duplicate(this.fd), unix, accept: (wire) => this.accept(wire) });
    this.timer = setInterval(() => this.sweep(), SWEEP_MS);
    log.info(`status page and metrics on ${unix ? "" : "http://"}${listenKey(this.config.address)}`);
  }

  private accept(wire: OwnedWire): WireOwner {
    const access = { token: this.config.token, unix: this.config.address.kind === "unix" };
    const session = new PrivateSession(
      wire,
      (head) => answerPrivately(head, access, this.sources),
      () => this.sessions.delete(session),
    );
    this.sessions.add(session);
    const [oldest] = this.sessions;
    if (this.sessions.size > SESSIONS_MAX) oldest?.end();
    return session;
  }

  private sweep(): void {
    const nowMs = monotonicMs();
    for (const session of this.sessions) session.tick(nowMs);
  }

  close(): void {
    clearInterval(this.timer);
    this.listener?.stop();
    for (const session of this.sessions) session.end();
    this.file?.remove();
    closeDescriptor(this.fd);
  }
}

function bind(address: ListenAddress): number {
  try {
    return address.kind === "unix" ? listenUnix(address.path, address.mode) : (listenTcp(address, 1).fds[0] as number);
  } catch (error) {
    throw bindProblem("metrics.listen", address, error as Error);
  }
}

/** What a configuration that is not in force yet will listen on; undefined: nowhere. */
export interface StagedListener {
  readonly config: MetricsConfig;
  readonly listener: PrivateListener;
  /** Somebody has removed its file, and it was made anew. */
  readonly isRenewed?: boolean;
  /** … and why it cannot be. */
  readonly lost?: string;
}

/** The listener of the configuration in force, through reloads. */
export class PrivateListeners {
  private readonly sources: PageSources;
  private readonly log: Log;
  private current: PrivateListener | undefined;
  private ended = false;

  constructor(measurements: Measurements, recent: RecentLines, log: Log) {
    this.sources = { measure: () => measurements.measure(), recent: (after) => recent.after(after) };
    this.log = log;
  }

  /** Throws as a listener that cannot bind does. */
  begin(config: MetricsConfig | undefined): void {
    this.commit(this.stage(config));
  }

  /** After another binary, which leaves the address when it hears that this one serves. */
  async succeed(config: MetricsConfig | undefined): Promise<void> {
    for (let tries = 1; !this.ended; tries++) {
      try {
        return this.begin(config);
      } catch (error) {
        if (tries === SUCCEED_TRIES) return this.log.error(`no status page and metrics: ${(error as Error).message}`);
        await Bun.sleep(SUCCEED_PAUSE_MS);
      }
    }
  }

  /** Binds where nothing is bound yet. Throws as a listener that cannot bind does. */
  stage(config: MetricsConfig | undefined): StagedListener | undefined {
    if (config === undefined) return undefined;
    const { current } = this;
    const isSame = current !== undefined && JSON.stringify(current.config.address) === JSON.stringify(config.address);
    if (!isSame) return { config, listener: new PrivateListener(config, this.sources) };
    return current.hasFile ? { config, listener: current } : this.again(config, current);
  }

  private again(config: MetricsConfig, current: PrivateListener): StagedListener {
    try {
      return { config, listener: new PrivateListener(config, this.sources), isRenewed: true };
    } catch (error) {
      const lost = `${listenKey(config.address)} was removed and cannot be made anew: ${(error as Error).message}`;
      return { config, listener: current, lost };
    }
  }

  /** Nobody finds its file. */
  get lost(): string[] {
    const { current } = this;
    return current === undefined || current.hasFile ? [] : [listenKey(current.config.address)];
  }

  discard(staged: StagedListener | undefined): void {
    if (staged?.listener !== this.current) staged?.listener.close();
  }

  commit(staged: StagedListener | undefined): void {
    if (staged !== undefined) staged.listener.config = staged.config;
    if (staged?.listener === this.current) return;
    this.current?.close();
    this.current = staged?.listener;
    this.current?.open(this.log);
  }

  /** For good. */
  close(): void {
    this.ended = true;
    this.current?.close();
    this.current = undefined;
  }
}
