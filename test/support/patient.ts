/** A patient for the checks of `server doctor`: a real configuration in a real folder, on a ground with the faults of a test. */
import { join } from "node:path";
import { loadTranslated } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems.ts";
import { servingOf } from "../../src/doctor/accounts.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import type { Ground, Serving } from "../../src/doctor/ground.ts";
import type { AppFacts, Check, Patient, Running } from "../../src/doctor/patient.ts";
import { realGround } from "../../src/doctor/real-ground.ts";
import type { Settings } from "../../src/project/settings.ts";

export interface Faults {
  readonly serving?: Serving;
  readonly starter?: Serving;
  readonly environment?: Readonly<Record<string, string>>;
  readonly running?: Running;
  readonly ground?: Partial<Ground>;
  /** Files that read otherwise. */
  readonly files?: Readonly<Record<string, string>>;
  /** As the check of apps would have filled them in. */
  readonly apps?: (config: Patient["config"]) => AppFacts[];
}

export const NOBODY: Serving = { uid: 65534, gids: [65534], name: "nobody" };

export function patientOf(folder: string, toml: string, faults: Faults = {}): Patient {
  const environment = faults.environment ?? {
    SERVER_RUN_AS_ROOT: "1",
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    TMPDIR: folder,
    STATE_DIRECTORY: join(folder, "state"),
  };
  const { config, problems } = loadTranslated(join(folder, "server.toml"), toml, environment);
  if (config === undefined) throw new Error(formatProblems(problems, { colour: false }));
  const real = realGround(environment);
  const { files = {} } = faults;
  const ground: Ground = {
    ...real,
    files: { ...real.files, read: (path) => files[path] ?? real.files.read(path) },
    ...faults.ground,
  };
  const serving = faults.serving ?? servingOf(real.files, "self");
  if (serving === undefined) throw new Error("/proc/self/status cannot be read");
  const starter = faults.starter ?? serving;
  return { config, ground, serving, starter, running: faults.running, apps: faults.apps?.(config) ?? [] };
}

export async function findingsOf(check: Check, patient: Patient): Promise<readonly Finding[]> {
  return check.run(patient);
}

/** `problem port 127.0.0.1:80: taken by …`, each. */
export async function linesOf(check: Check, patient: Patient): Promise<string[]> {
  return (await findingsOf(check, patient)).map(({ verdict, subject, says }) => `${verdict} ${subject}: ${says}`);
}

export const SETTINGS: Settings = {
  module: "shop.settings",
  file: "/srv/shop/settings.py",
  debug: false,
  allowedHosts: [],
  staticPath: "/static/",
  staticUrl: "/static/",
  staticRoot: undefined,
  mediaPath: undefined,
  mediaUrl: undefined,
  mediaRoot: undefined,
  databases: [],
  installedApps: ["django.contrib.staticfiles"],
  middleware: [],
  staticStorage: "",
  defaultStorage: "",
  scriptName: undefined,
  wsgi: undefined,
  asgi: undefined,
  csrfTrustedOrigins: [],
  csrfCookieSecure: false,
  sessionCookieSecure: false,
  sslRedirect: false,
  hstsSeconds: 0,
  proxySslHeader: undefined,
  useForwardedHost: false,
};

export function factsOf(settings: Partial<Settings>, rssBytes?: number): NonNullable<Faults["apps"]> {
  return ({ apps }) => apps.map((app) => ({ app, settings: { ...SETTINGS, ...settings }, rssBytes }));
}
