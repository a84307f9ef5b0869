/**
 * What may be asked of a running server, whoever asks: the control socket, a signal, a file that changed. What comes of it
 * is told to whoever waits; the apps and services themselves tell the log.
 */
import type { AppControl, ReloadResult } from "../apps/status.ts";
import type { RestartResult, Service } from "../services/service.ts";

export interface AppReload {
  readonly app: string;
  readonly ok: boolean;
  readonly replaced: number;
  readonly tookMs: number;
  /** Set when the new code could not be imported. */
  readonly traceback?: string;
}

export interface ServiceRestart {
  readonly service: string;
  readonly ok: boolean;
  readonly restarted: number;
  readonly tookMs: number;
  /** What it said, when it did not come up. */
  readonly failure?: string;
}

export type Progress =
  | { readonly state: "reloading"; readonly app: string }
  | { readonly state: "restarting"; readonly service: string }
  | ({ readonly state: "done" } & (AppReload | ServiceRestart));

/** What there is now: a reload of the configuration brings others. */
export interface Operable {
  readonly apps: readonly AppControl[];
  readonly services: readonly Service[];
}

export class Operations {
  private readonly operable: () => Operable;

  constructor(operable: () => Operable) {
    this.operable = operable;
  }

  get apps(): readonly AppControl[] {
    return this.operable().apps;
  }

  get services(): readonly Service[] {
    return this.operable().services;
  }

  /** New code for these apps, side by side. Never rejects. */
  reloadApps(apps: readonly AppControl[], reason: string, tell: (progress: Progress) => void): Promise<AppReload[]> {
    return Promise.all(
      apps.map(async (app) => {
        tell({ state: "reloading", app: app.name });
        const began = performance.now();
        const reload = describeReload(app.name, await app.reload(reason), performance.now() - began);
        tell({ state: "done", ...reload });
        return reload;
      }),
    );
  }

  restartServices(
    services: readonly Service[],
    reason: string,
    tell: (progress: Progress) => void,
  ): Promise<ServiceRestart[]> {
    return Promise.all(
      services.map(async (service) => {
        tell({ state: "restarting", service: service.name });
        const began = performance.now();
        const restart = describeRestart(service.name, await service.restart(reason), performance.now() - began);
        tell({ state: "done", ...restart });
        return restart;
      }),
    );
  }
}

function describeReload(app: string, result: ReloadResult, tookMs: number): AppReload {
  const { ok, replaced } = result;
  const whole = { app, ok, replaced, tookMs: Math.round(tookMs) };
  return result.ok ? whole : { ...whole, traceback: result.traceback };
}

function describeRestart(service: string, result: RestartResult, tookMs: number): ServiceRestart {
  const { ok, restarted } = result;
  const whole = { service, ok, restarted, tookMs: Math.round(tookMs) };
  return result.ok ? whole : { ...whole, failure: result.failure };
}
