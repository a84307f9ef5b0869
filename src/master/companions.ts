/**
 * What the server runs beside the apps: services and timed commands, from the configuration to their rooms' options and
 * through the life of the server. Started before or after the apps, ended in the opposite order; or done before the apps start.
 *
 * There are never two of a kind: two would do everything twice, or one of them find its port taken. So a server that takes
 * another's place starts all of its own once those of the other have ended, also what is meant to be there before the apps: at
 * their import they find that of the other. What is to be done first was done by the other long ago, and is done again.
 */
import type { Log } from "../base/log.ts";
import type { CommandConfig, Config, CronConfig, ServiceConfig } from "../config/config.ts";
import type { CommandOptions } from "../services/child.ts";
import { CronJob } from "../services/cron-job.ts";
import { parseSchedule } from "../services/schedule.ts";
import { RUN_MS_MAX, Service } from "../services/service.ts";
import { localOffset, zoneOffset } from "../services/zone.ts";

/** A service or a timed command, with everything that it is made of. */
interface Companion<T> {
  readonly name: string;
  readonly from: string;
  readonly runs: T;
}

export class Companions {
  private readonly logFor: (source: string) => Log;
  private ofServices: readonly Companion<Service>[] = [];
  private ofCrons: readonly Companion<CronJob>[] = [];
  private starts: ReadonlyMap<string, ServiceConfig["start"]> = new Map();
  /** Of the reload that is under way: these were done for it. */
  private prepared: readonly Companion<Service>[] = [];
  /** Of a configuration before, on their way out. */
  private readonly leaving = new Set<Service | CronJob>();
  private readonly succeeds: boolean;
  private stopping = false;

  /** `succeeds`: another server has the same, and ends them before this one serves. */
  constructor(config: Config, succeeds: boolean, logFor: (source: string) => Log) {
    this.logFor = logFor;
    this.succeeds = succeeds;
    this.make(config);
  }

  get services(): readonly Service[] {
    return this.ofServices.map(({ runs }) => runs);
  }

  get crons(): readonly CronJob[] {
    return this.ofCrons.map(({ runs }) => runs);
  }

  private make(config: Config): void {
    const services = [...this.prepared, ...this.ofServices];
    this.prepared = [];
    this.ofServices = config.services.map((each) => kept(services, each, () => this.makeService(each)));
    this.ofCrons = config.crons.map((each) =>
      kept(this.ofCrons, each, () => makeCron(each, this.logFor(`cron ${each.name}`))),
    );
    this.starts = new Map(config.services.map(({ name, start }) => [name, start]));
  }

  private makeService(config: ServiceConfig): Service {
    return makeService(config, this.logFor(`service ${config.name}`));
  }

  private startingAt(start: ServiceConfig["start"]): Service[] {
    return this.services.filter(({ name }) => this.starts.get(name) === start);
  }

  /** Throws when what is to be done first fails. */
  async startBefore(): Promise<void> {
    const failure = await runAll(this.startingAt("first"));
    if (failure !== undefined) throw new Error(failure);
    if (!this.succeeds) this.startThoseBefore();
  }

  private startThoseBefore(): void {
    for (const service of this.startingAt("before")) service.start();
  }

  /** Of a configuration that is to come: what is to be done first; what failed of it. */
  async prepare(config: Config): Promise<readonly string[]> {
    const first = config.services.filter(({ start }) => start === "first");
    this.prepared = first.map((each) => ({
      name: each.name,
      from: JSON.stringify(each),
      runs: this.makeService(each),
    }));
    const failure = this.stopping ? undefined : await runAll(this.prepared.map(({ runs }) => runs));
    return failure === undefined ? [] : [failure];
  }

  startAfter(): void {
    if (this.succeeds) this.startThoseBefore();
    for (const service of this.startingAt("after")) service.start();
    for (const cron of this.crons) cron.start();
  }

  /** From now on: what is the same goes on, what is changed ends before it starts anew, what is gone ends. */
  async change(config: Config): Promise<void> {
    const old = this.all();
    this.make(config);
    const now = this.all();
    const leaving = old.filter((each) => !now.includes(each));
    await Promise.all(
      leaving.map(async (each) => {
        this.leaving.add(each);
        await each.stop();
        this.leaving.delete(each);
      }),
    );
    const done: readonly (Service | CronJob)[] = this.startingAt("first");
    for (const each of now) if (!old.includes(each) && !done.includes(each) && !this.stopping) each.start();
  }

  private all(): (Service | CronJob)[] {
    return [...this.services, ...this.crons];
  }

  /** Those that were started after the apps. `graceMs` shortens their stop_timeout; 0: at once. */
  async stopAfter(graceMs?: number): Promise<void> {
    this.stopping = true;
    const services = [...this.startingAt("after"), ...this.prepared.map(({ runs }) => runs)];
    await Promise.all([...services, ...this.crons, ...this.leaving].map((each) => each.stop(graceMs)));
  }

  async stopBefore(graceMs?: number): Promise<void> {
    const services = [...this.startingAt("before"), ...this.startingAt("first")];
    await Promise.all(services.map((service) => service.stop(graceMs)));
  }
}

/** How long what is to be done first may take. */
export function firstMs({ services }: Config): number {
  return services.filter(({ start }) => start === "first").length * RUN_MS_MAX;
}

/** One after the other; what the first that failed said. */
async function runAll(services: readonly Service[]): Promise<string | undefined> {
  for (const service of services) {
    const failure = await service.run();
    if (failure !== undefined) return `service ${service.name}: ${failure}`;
  }
  return undefined;
}

function kept<T>(before: readonly Companion<T>[], config: { readonly name: string }, make: () => T): Companion<T> {
  const from = JSON.stringify(config);
  return (
    before.find((each) => each.name === config.name && each.from === from) ?? { name: config.name, from, runs: make() }
  );
}

function makeService(config: ServiceConfig, log: Log): Service {
  const { name, instances, restart } = config;
  return new Service({ ...commandOptions(config), name, instances, restart }, log);
}

function makeCron(config: CronConfig, log: Log): CronJob {
  const { name, timezone, timeoutMs, overlap, missed } = config;
  const schedule = parseSchedule(config.schedule);
  // The configuration was read by the same functions.
  if (typeof schedule === "string") throw new Error(`cron.${name}.schedule: should be ${schedule}`);
  const offsetAt = timezone === undefined ? localOffset : (zoneOffset(timezone) ?? localOffset);
  return new CronJob({ ...commandOptions(config), name, schedule, offsetAt, timeoutMs, overlap, missed }, log);
}

function commandOptions(config: CommandConfig): CommandOptions {
  const { program, words, cwd, user, umask, stopSignal, stopTimeoutMs } = config;
  const own = Object.entries(process.env).filter((variable): variable is [string, string] => variable[1] !== undefined);
  const env = { ...Object.fromEntries(own), ...config.env };
  return { program, words, cwd, env, user, umask, stopSignal, stopTimeoutMs };
}
