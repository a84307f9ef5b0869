/**
 * What systemd is told (sd_notify(3)), for units with `Type=notify` or `notify-reload`: the moments in the life of the server,
 * a line for `systemctl status`, and that it lives (WatchdogSec=). Nothing at all when nobody listens.
 */
import { clockMonotonicUs } from "../os/monotonic.ts";
import { sendDatagram } from "../os/sockets.ts";

export class Systemd {
  private readonly socket: string | undefined;
  private readonly watchdogMs: number;
  private timer: Timer | undefined;

  /** Takes what it needs out of the environment: whatever is started from here is not the service. */
  constructor(environment: Record<string, string | undefined>) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
    this.socket = NOTIFY_SOCKET === "" ? undefined : NOTIFY_SOCKET;
    const isMeant = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    this.watchdogMs = isMeant ? Number(WATCHDOG_USEC ?? 0) / 1000 : 0;
  }

  /** It serves: for the first time, or again after `reloading`. */
  ready(status: string): void {
    this.say("READY=1", `STATUS=${status}`);
    // Twice as often as it has to be.
    if (this.watchdogMs > 0) this.timer ??= setInterval(() => this.say("WATCHDOG=1"), this.watchdogMs / 2);
  }

  reloading(): void {
    this.say("RELOADING=1", `MONOTONIC_USEC=${clockMonotonicUs()}`, "STATUS=reloading");
  }

  stopping(): void {
    this.say("STOPPING=1", "STATUS=finishing the requests in flight");
  }

  /** Process `pid` is the service from now on. The environment for it: what was taken out of ours. */
  handOver(pid: number): void {
    clearInterval(this.timer);
    this.say(`MAINPID=${pid}`);
  }

  /** For a process that takes over. */
  get environment(): Record<string, string> {
    if (this.socket === undefined) return {};
    const watchdog = this.watchdogMs > 0 ? { WATCHDOG_USEC: String(this.watchdogMs * 1000) } : {};
    return { NOTIFY_SOCKET: this.socket, ...watchdog };
  }

  private say(...lines: readonly string[]): void {
    if (this.socket === undefined) return;
    // One that does not listen any more is no reason not to serve.
    sendDatagram(this.socket, lines.map((line) => `${line.replaceAll("\n", " ")}\n`).join(""));
  }
}
