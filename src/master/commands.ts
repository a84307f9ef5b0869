/** The commands of the control socket, docs/control.md: what they take, refuse and do. A new one is a row of this table. */
import { certificateCommands, type CertificateSources } from "./certificate-commands.ts";
import type { ControlCommand, ControlCommands, Tell } from "./control-session.ts";
import { checkParameters, ControlError, flagParameter, namesParameter } from "./control-protocol.ts";
import type { Logs } from "./logs.ts";
import type { Measured } from "./metrics.ts";
import type { Operations, Progress } from "./operations.ts";
import type { ReloadOutcome } from "./reload.ts";
import { purgedPlace } from "../cache/purge.ts";
import type { FrontTraffic } from "../front/traffic.ts";
import type { ServerState, ServerStatus } from "./status.ts";
import type { UpgradeOutcome } from "./upgrade.ts";
import { trafficStatus } from "./traffic-status.ts";

export interface CommandSources {
  readonly state: () => ServerState;
  readonly status: () => ServerStatus;
  /** See Fronts.traffic. */
  readonly traffic: (forget?: string) => Promise<FrontTraffic[]>;
  readonly operations: Operations;
  readonly measure: () => Promise<Measured>;
  /** Undefined before the server serves. */
  readonly reload: (reason: string, tell: (progress: Progress) => void) => Promise<ReloadOutcome> | undefined;
  /** See upgrade.ts. */
  readonly upgrade: () => Promise<UpgradeOutcome>;
  readonly stop: () => void;
  readonly drainTimeoutMs: () => number;
  readonly certificates: Omit<CertificateSources, "state">;
  readonly logs: Pick<Logs, "files" | "reopen" | "recent" | "output">;
  readonly fronts: number;
  /** Makes front number `front` fail, or hang, as a bug would. */
  readonly fault: (front: number, hangs: boolean) => void;
}

export function makeCommands(sources: CommandSources): ControlCommands {
  return {
    status: async (parameters) => {
      checkParameters(parameters, []);
      return { ...sources.status(), ...trafficStatus(await sources.traffic()) };
    },
    purge: purgeCommand(sources),
    reload: reloadCommand(sources),
    restart: async (parameters) => {
      checkParameters(parameters, []);
      const outcome = await sources.upgrade();
      if (!outcome.ok) return outcome;
      return { ...outcome, finishing: process.pid, drainTimeoutMs: sources.drainTimeoutMs() };
    },
    stop: (parameters) => {
      checkParameters(parameters, ["now"]);
      const now = flagParameter(parameters["now"], "now");
      sources.stop();
      if (now) sources.stop();
      return { pid: process.pid, drainTimeoutMs: sources.drainTimeoutMs() };
    },
    reopen: (parameters) => {
      checkParameters(parameters, []);
      const problems = sources.logs.reopen();
      return { files: sources.logs.files.map(({ path }) => path), problems };
    },
    recent: recentCommand(sources),
    measure: (parameters) => {
      checkParameters(parameters, []);
      return sources.measure();
    },
    stacks: stacksCommand(sources),
    ...certificateCommands({ ...sources.certificates, state: sources.state }),
    fault: faultCommand(sources),
  };
}

/** Without names: the configuration and the code of all apps, and services that are changed in it. */
function reloadCommand({ state, operations, reload }: CommandSources): ControlCommand {
  return async (parameters, tell: Tell) => {
    checkParameters(parameters, ["apps", "services"]);
    const appNames = namesParameter(parameters["apps"], "apps");
    const serviceNames = namesParameter(parameters["services"], "services");
    const apps = pick(operations.apps, appNames ?? [], "app");
    const services = pick(operations.services, serviceNames ?? [], "service");
    if (state() !== "serving") throw new ControlError("unavailable", `the server is ${state()}`);
    const whole = appNames === undefined && serviceNames === undefined ? reload("server reload", tell) : undefined;
    if (whole !== undefined) return { ...(await whole), services: [] };
    const [reloaded, restarted] = await Promise.all([
      operations.reloadApps(apps, "server reload", tell),
      operations.restartServices(services, "server reload", tell),
    ]);
    const ok = [...reloaded, ...restarted].every((each) => each.ok);
    return { ok, apps: reloaded, services: restarted };
  };
}

function pick<T extends { readonly name: string }>(known: readonly T[], names: readonly string[], what: string): T[] {
  return [...new Set(names)].map((name) => {
    const found = known.find((each) => each.name === name);
    if (found !== undefined) return found;
    const others = known.length === 0 ? "there is none" : `known: ${known.map((each) => each.name).join(", ")}`;
    throw new ControlError("bad-argument", `no ${what} ${JSON.stringify(name)}; ${others}`);
  });
}

function purgeCommand({ state, fronts, traffic }: CommandSources): ControlCommand {
  return async (parameters) => {
    checkParameters(parameters, ["url"]);
    const { url } = parameters;
    const place = typeof url === "string" ? purgedPlace(url) : undefined;
    if (place === undefined)
      throw new ControlError(
        "bad-argument",
        `url should be "http://host/path", with * at its end for all below, or "all"`,
      );
    if (state() !== "serving") throw new ControlError("unavailable", `the server is ${state()}`);
    const answers = await traffic(place);
    const forgotten = answers.reduce((sum, answer) => sum + answer.forgotten, 0);
    if (answers.length < fronts)
      throw new ControlError("failed", `only ${answers.length} of ${fronts} fronts answered; purge again`);
    return { forgotten };
  };
}

function recentCommand({ logs }: CommandSources): ControlCommand {
  return (parameters) => {
    checkParameters(parameters, ["after"]);
    const { after = 0 } = parameters;
    if (typeof after !== "number") throw new ControlError("bad-argument", "after should be the number of a line");
    return { lines: logs.recent.after(after), output: logs.output ?? null };
  };
}

function stacksCommand({ operations }: CommandSources): ControlCommand {
  return async (parameters) => {
    checkParameters(parameters, ["app", "pid"]);
    const { app: name, pid } = parameters;
    if (typeof name !== "string") throw new ControlError("bad-argument", "app should be the name of an app");
    if (typeof pid !== "number") throw new ControlError("bad-argument", "pid should be the process of a worker");
    const [app] = pick(operations.apps, [name], "app");
    const threads = await app?.busyThreads(pid);
    if (threads !== undefined) return { threads };
    throw new ControlError("failed", `process ${pid} is no worker of ${name} that is ready, or it does not answer`);
  };
}

/** For tests of the supervision; only the owner of the server reaches it, who may as well kill the process. */
function faultCommand({ fronts, fault }: CommandSources): ControlCommand {
  return (parameters) => {
    checkParameters(parameters, ["front", "hangs"]);
    const { front } = parameters;
    if (typeof front !== "number" || !Number.isInteger(front) || front < 0 || front >= fronts)
      throw new ControlError("bad-argument", `front should be a number from 0 to ${fronts - 1}`);
    fault(front, flagParameter(parameters["hangs"], "hangs"));
    return { front };
  };
}
