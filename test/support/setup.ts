/** What the wizard sees, made from a few words: a Django project on a machine where nothing is in the way. */
import type { NameVerdict } from "../../src/machine/addresses.ts";
import type { PortUse } from "../../src/machine/ports.ts";
import type { Interpreter } from "../../src/project/interpreter.ts";
import type { Project } from "../../src/project/project.ts";
import type { Settings } from "../../src/project/settings.ts";
import type { Loaded, MachineFacts, ProjectFacts } from "../../src/setup/facts.ts";
import { makePlan } from "../../src/setup/plan.ts";
import type { Answers } from "../../src/setup/question.ts";
import type { Seen } from "../../src/setup/seen.ts";
import { surroundingsOf, type Table } from "./surroundings.ts";

export const ROOT = "/srv/shop";

export const SETTINGS: Settings = {
  module: "shop.settings",
  file: `${ROOT}/shop/settings.py`,
  debug: false,
  allowedHosts: ["www.shop.example.org"],
  staticPath: "/static/",
  staticUrl: "/static/",
  staticRoot: `${ROOT}/staticfiles`,
  mediaPath: undefined,
  mediaUrl: "/",
  mediaRoot: undefined,
  databases: [],
  installedApps: ["django.contrib.staticfiles"],
  middleware: [],
  staticStorage: "",
  defaultStorage: "",
  scriptName: undefined,
  wsgi: "shop.wsgi.application",
  asgi: undefined,
  csrfTrustedOrigins: [],
  csrfCookieSecure: false,
  sessionCookieSecure: false,
  sslRedirect: false,
  hstsSeconds: 0,
  proxySslHeader: undefined,
  useForwardedHost: false,
};

export const DJANGO: Project = {
  kind: "django",
  root: ROOT,
  name: "shop",
  settings: [{ module: "shop.settings", by: "shop/wsgi.py" }],
  wsgi: ["shop.wsgi"],
  asgi: [],
};

const PYTHON: Interpreter = {
  python: `${ROOT}/.venv/bin/python`,
  virtualenv: `${ROOT}/.venv`,
  origin: ".venv",
  version: "3.12.1",
  django: "5.2",
  modules: [],
};

export const ROOT_ACCOUNT = { uid: 0, name: "root", gid: 0, home: "/root" };

export interface Sight {
  readonly settings?: Partial<Settings>;
  readonly project?: Project;
  /** The project is open, as when there are several or none. */
  readonly projects?: readonly Project[];
  readonly files?: Table["files"];
  readonly executables?: readonly string[];
  readonly machine?: Partial<MachineFacts>;
  readonly host?: Partial<MachineFacts["host"]>;
  readonly taken?: readonly PortUse[];
  readonly names?: Readonly<Record<string, NameVerdict>>;
  readonly loaded?: Partial<Loaded>;
  readonly python?: Partial<Interpreter> | null;
  readonly seen?: Partial<Seen>;
  readonly existing?: ProjectFacts["existing"];
}

export function seenOf(sight: Sight = {}): Seen {
  const { project = DJANGO, projects } = sight;
  const files = { [`${ROOT}/shop/settings.py`]: "DEBUG = False\n", [`${ROOT}/.venv/bin/python`]: "", ...sight.files };
  return {
    folder: ROOT,
    machine: machineOf(sight),
    files: surroundingsOf({ files, executables: [`${ROOT}/.venv/bin/python`, ...(sight.executables ?? [])] }).files,
    projects: projects ?? [project],
    settingsVariable: undefined,
    variables: {},
    owner: undefined,
    webUser: undefined,
    facts: projects === undefined ? factsOf(project, sight) : undefined,
    names: new Map(Object.entries(sight.names ?? {})),
    importable: undefined,
    running: false,
    unwritable: undefined,
    wasRoot: false,
    ...sight.seen,
  };
}

function machineOf({ host, machine, taken = [] }: Sight): MachineFacts {
  const account = { uid: 1000, name: "ann", gid: 1000, home: "/home/ann" };
  return {
    host: {
      cores: 2,
      memoryBytes: 2 * 2 ** 30,
      availableBytes: 2 ** 30,
      account,
      systemd: false,
      system: "Debian",
      container: false,
      ...host,
    },
    ports: taken,
    freePort: 8000,
    lowPorts: true,
    addresses: { open: ["198.51.100.7"], inside: [] },
    ...machine,
  };
}

function factsOf(project: Project, { settings, loaded, python, existing = [] }: Sight): ProjectFacts {
  const base = { project, existing };
  if (project.kind === "static") return { ...base, python: undefined, loaded: undefined };
  const chosen = python === null ? undefined : { ...PYTHON, ...python };
  const version = project.kind === "django" ? "5.2" : undefined;
  return {
    ...base,
    python: { chosen, others: [] },
    loaded: {
      version,
      settings: project.kind === "django" ? { ...SETTINGS, ...settings } : undefined,
      memoryBytes: 50 * 2 ** 20,
      failure: undefined,
      ...loaded,
    },
  };
}

/** What shop's virtualenv and nothing else looks like. */
export const VENV: Sight = { files: { [`${ROOT}/.venv/bin/python`]: "" } };

const ANSWERS: Answers = {
  domain: "www.shop.example.org",
  https: "auto",
  processes: "2",
  threads: "2",
  collectstatic: "yes",
  start: "yes",
};

export function planOf(sight: Sight = {}, answers: Answers = {}, file = `${ROOT}/server.toml`) {
  return makePlan(seenOf(sight), { ...ANSWERS, ...answers }, file);
}
