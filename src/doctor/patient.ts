/** What is examined: a configuration, the server that runs with it, if one does, and the machine below. */
import type { AppConfig, Config } from "../config/config.ts";
import type { Settings } from "../project/settings.ts";
import type { Finding } from "./finding.ts";
import type { Ground, Serving } from "./ground.ts";

/** Of a server that runs, what checks need. */
export interface Running {
  readonly pid: number;
  readonly version: string;
  readonly state: string;
  readonly uptimeMs: number;
  readonly apps: readonly RunningApp[];
  readonly certificates?: readonly RunningCertificate[];
}

export interface RunningCertificate {
  readonly site: string;
  readonly source: "files" | "auto" | "internal" | "temporary";
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** Orders that failed since the last one that did not. */
  readonly failures: number | null;
  readonly problems: readonly string[];
}

export interface RunningApp {
  readonly name: string;
  readonly ready: number;
  /** Of its workers. */
  readonly rssBytes: readonly number[];
  /** The traceback, while starts fail. */
  readonly crashLoop: string | undefined;
  readonly reloadFailure: string | undefined;
}

/** What the import of an app told, for the checks behind it. */
export interface AppFacts {
  readonly app: AppConfig;
  /** Undefined: it could not be imported, or is no Django project. */
  readonly settings: Settings | undefined;
  /** What a process holds after the import. */
  readonly rssBytes: number | undefined;
}

export interface Patient {
  readonly config: Config;
  readonly ground: Ground;
  /** As whom the fronts and the master run. */
  readonly serving: Serving;
  /** Who opens ports, logs and keys before: root, where the configuration says whom the server becomes. */
  readonly starter: Serving;
  readonly running: Running | undefined;
  /** In the order of the configuration; filled by the check of apps, which comes before those that need it. */
  readonly apps: AppFacts[];
}

export interface Check {
  readonly name: string;
  run(patient: Patient): Promise<readonly Finding[]> | readonly Finding[];
}
