/**
 * What the server runs beside the apps: services and timed commands, from the configuration to their rooms' options and
 * through the life of the server. Started before or after the apps; ended in the opposite order.
 */
import type { Log } from "../base/log.ts";
import type { CommandConfig, Config, CronConfig, ServiceConfig } from "../config/config.ts";
import type { CommandOptions } from "../services/child.ts";
import { CronJob } from "../services/cron-job.ts";
import { parseSchedule } from "../services/schedule.ts";
import { Service } from "../services/service.ts";
import { localOffset, zoneOffset } from "../services/zone.ts";

export class Companions {
  readonly services: readonly Service[];
  readonly crons: readonly CronJob[];
  private readonly before: ReadonlySet<string>;

  constructor(config: Config, logFor: (source: string) => Log) {
    this.services = config.services.map((service) => makeService(service, logFor(`service ${service.name}`)));
    this.crons = config.crons.map((cron) => makeCron(cron, logFor(`cron ${cron.name}`)));
    this.before = new Set(config.services.filter(({ start }) => start === "before").map(({ name }) => name));
  }

  startBefore(): void {
    for (const service of this.services) if (this.before.has(service.name)) service.start();
  }

  startAfter(): void {
    for (const service of this.services) if (!this.before.has(service.name)) service.start();
    for (const cron of this.crons) cron.start();
  }

  /** Those that were started after the apps. `graceMs` shortens their stop_timeout; 0: at once. */
  async stopAfter(graceMs?: number): Promise<void> {
    const services = this.services.filter(({ name }) => !this.before.has(name));
    await Promise.all([...services, ...this.crons].map((each) => each.stop(graceMs)));
  }

  async stopBefore(graceMs?: number): Promise<void> {
    const services = this.services.filter(({ name }) => this.before.has(name));
    await Promise.all(services.map((service) => service.stop(graceMs)));
  }
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
