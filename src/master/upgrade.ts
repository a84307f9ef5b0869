/**
 * Another process in the place of this one, of the binary and the configuration as they are now, without losing a request:
 *
 *     old  serving ─────────────────────────────────────────▶ services end ──▶ accepts no more ──▶ drains ──▶ gone
 *                  └ starts, passes sockets and locks on       ▲          └ go
 *     new                          └──▶ imports ──▶ accepts ───┘ ready      └──▶ control socket, services ──▶ serving
 *
 * Until the new one has said `ready` the old one does everything as before: a new one that fails, or that takes too long, is
 * ended and nothing has changed. Both accept on the same sockets until the old one stops, so no connection waits or is
 * refused: what the kernel has queued by then is the new one's. Only then it is said that it has taken over, so that whoever
 * hears of it meets the old one on no new connection.
 */
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { EXECUTABLE } from "../os/executable.ts";
import { type Companions, firstMs } from "./companions.ts";
import type { ControlHold } from "./control-hold.ts";
import type { Fronts } from "./fronts.ts";
import { type Start, Successor } from "./handover.ts";
import type { Listeners } from "./listeners.ts";
import type { Logs } from "./logs.ts";
import type { PrivateListeners } from "./private-listener.ts";
import type { Systemd } from "./systemd.ts";

export type UpgradeOutcome = { readonly ok: true; readonly pid: number } | { readonly ok: false; readonly why: string };

export interface UpgradeParts {
  /** Of the command line; undefined: there can be no successor. */
  readonly words: readonly string[] | undefined;
  readonly config: Config;
  readonly logs: Logs;
  readonly listeners: Listeners;
  readonly privateListeners: PrivateListeners;
  readonly fronts: Fronts;
  readonly companions: Companions;
  readonly hold: ControlHold;
  readonly systemd: Systemd;
}

/** Beside the imports of its apps, which have bounds of their own. */
const START_MARGIN_MS = 30_000;

/** For commands and connections to find the new one, and none but that, once it is said that it is there; it is only a matter
 *  of moments. */
const TAKE_MS = 5_000;

/** Never rejects. When it is well, this process has only to drain. */
export async function upgrade(parts: UpgradeParts): Promise<UpgradeOutcome> {
  const { words, config, logs, listeners, privateListeners, fronts, companions, hold, systemd } = parts;
  const log = logs.logFor("master");
  if (process.pid === 1)
    return refused(log, "this is process 1 of a container, which ends with it: restart the container");
  if (words === undefined)
    return refused(
      log,
      "it was started with uWSGI's words, which a successor would obey anew: stop it, and start it again",
    );
  if (listeners.areLent)
    return refused(
      log,
      "its listening sockets are systemd's, which keeps them: systemctl restart refuses no connection",
    );
  let successor: Successor;
  try {
    successor = new Successor({
      words,
      stdio: [0, 1, 2],
      output: logs.output,
      upgrade: { listeners: listeners.passOn(), locks: hold.held },
      environment: systemd.environment,
      detached: false,
    });
  } catch (error) {
    return refused(log, notStarted(error as Error));
  }
  log.notice(`process ${successor.pid} is started to take over`);
  const start = await inTime(successor, boundMs(config));
  if (!start.ok) {
    successor.kill();
    successor.close();
    return refused(log, start.why);
  }
  // Before it says itself that it is ready: systemd believes the service only.
  systemd.handOver(start.pid);
  listeners.leave();
  // Two of a kind would do everything twice.
  await companions.stopAfter();
  await companions.stopBefore();
  hold.leave();
  // Not shared, as the others are: the new one binds it when it may go.
  privateListeners.close();
  await Promise.race([Promise.all([successor.go(), fronts.deafen()]), Bun.sleep(TAKE_MS)]);
  successor.close();
  return { ok: true, pid: start.pid };
}

/** What is wrong with the executable that is there now. */
function notStarted(error: Error & { readonly code?: string }): string {
  switch (error.code) {
    case "ENOENT":
      return `${EXECUTABLE} is not there any more`;
    case "EACCES":
      return `${EXECUTABLE} may not be executed: its mode should be 755`;
    case "ENOEXEC":
      return `${EXECUTABLE} is no program of this machine: it is empty, broken, or made for another one`;
    default:
      return `${EXECUTABLE}: ${error.message}`;
  }
}

function refused(log: Log, why: string): UpgradeOutcome {
  log.error(`the new process has not taken over, this one goes on: ${why}`);
  return { ok: false, why };
}

async function inTime(successor: Successor, ms: number): Promise<Start> {
  const { promise: late, resolve } = Promise.withResolvers<Start>();
  const timer = setTimeout(
    () => resolve({ ok: false, why: `it does not serve within ${ms / 1000} s`, said: false }),
    ms,
  );
  const start = await Promise.race([successor.start, late]);
  clearTimeout(timer);
  return start;
}

function boundMs(config: Config): number {
  return Math.max(0, ...config.apps.map(({ startTimeoutMs }) => startTimeoutMs)) + firstMs(config) + START_MARGIN_MS;
}
