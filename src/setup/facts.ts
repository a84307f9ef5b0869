/** All that can be seen before anything is asked: the machine at once, a project by asking its own interpreter. */
import { type Addresses, lookAtAddresses } from "../machine/addresses.ts";
import { type Host, lookAtHost } from "../machine/host.ts";
import { freePortFrom, mayListen, portsInUse, type PortUse } from "../machine/ports.ts";
import type { Surroundings } from "../machine/surroundings.ts";
import { type ExistingFile, findExisting } from "../project/existing.ts";
import { adviceOn, type Advice } from "../project/failure.ts";
import { installerOf } from "../project/installer.ts";
import { findInterpreter, type Interpreters } from "../project/interpreter.ts";
import type { FoundCallable } from "../project/callables.ts";
import type { Project } from "../project/project.ts";
import { type ProbeWish, probeSettings, type Settings } from "../project/settings.ts";

/** The ports of the web, and the one that developers use. */
export const PORTS = [80, 443, 8000] as const;

const FIRST_FREE_PORT = 8000;

export interface MachineFacts {
  readonly host: Host;
  /** Of PORTS those that somebody has. */
  readonly ports: readonly PortUse[];
  /** The first from 8000 on that nobody has. */
  readonly freePort: number;
  /** This user may listen on 80 and 443. */
  readonly lowPorts: boolean;
  readonly addresses: Addresses;
}

export interface ProjectFacts {
  readonly project: Project;
  /** Undefined for files alone. */
  readonly python: Interpreters | undefined;
  /** How it went to load it; undefined for files alone, and when no interpreter runs. */
  readonly loaded: Loaded | undefined;
  /** What serves it today. */
  readonly existing: readonly ExistingFile[];
}

export interface Loaded {
  /** Of Django. */
  readonly version: string | undefined;
  readonly settings: Settings | undefined;
  /** What one process takes. */
  readonly memoryBytes: number | undefined;
  /** Why it cannot be loaded. */
  readonly failure: Advice | undefined;
}

export function lookAtMachine(surroundings: Surroundings, uid: number): MachineFacts {
  const { files } = surroundings;
  return {
    host: lookAtHost(surroundings, uid),
    ports: portsInUse(files, PORTS),
    freePort: freePortFrom(files, FIRST_FREE_PORT),
    lowPorts: mayListen(files, uid, 80),
    addresses: lookAtAddresses(),
  };
}

/** What was said by hand, and overrules what is found. */
export interface ProjectWish {
  /** An interpreter or virtualenv, absolute. */
  readonly python?: string | undefined;
  readonly settings?: string | undefined;
  /** `module:callable` */
  readonly wsgi?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export async function lookAtProject(
  surroundings: Surroundings,
  project: Project,
  wish: ProjectWish = {},
): Promise<ProjectFacts> {
  const { files } = surroundings;
  const existing = findExisting(files, project.root);
  const base = { project, existing };
  if (project.kind === "static") return { ...base, python: undefined, loaded: undefined };
  const needed = project.kind === "django" ? "django" : undefined;
  const python = await findInterpreter(surroundings, project.root, needed, wish.python);
  if (python.chosen === undefined) return { ...base, python, loaded: undefined };
  const wished = askedOf(surroundings.environment, project, wish);
  if (wished === undefined || (wished.wsgi === undefined && project.kind === "wsgi"))
    return { ...base, python, loaded: undefined };
  const asked = { ...wished, python: python.chosen.python, root: project.root };
  const probed = await probeSettings(surroundings, asked, wish.signal);
  const failure = probed.failure && adviceOn(probed.failure, { ...asked, files, installer: installerOf(files, asked) });
  const version = probed.django ?? python.chosen.django;
  const { settings, memoryBytes } = probed;
  return { ...base, python, loaded: { version, settings, memoryBytes, failure } };
}

type Asked = Omit<ProbeWish, "python" | "root">;

/** What is loaded of a project; of files nothing is. */
export function askedOf(
  environment: Surroundings["environment"],
  project: Project,
  wish: ProjectWish,
): Asked | undefined {
  if (project.kind === "static") return undefined;
  const own = wish.environment === undefined ? {} : { environment: wish.environment };
  if (project.kind === "wsgi") {
    const wsgi = wish.wsgi ?? targetOf(project.callables[0]);
    return { kind: "wsgi", settings: undefined, wsgi, ...own };
  }
  // The environment's word overrules wsgi.py's, whose overrules manage.py's, as when the site is served.
  const named = environment["DJANGO_SETTINGS_MODULE"] || project.settings[0]?.module;
  const [wsgi] = project.wsgi;
  return { kind: "django", settings: wish.settings ?? named, wsgi: wsgi && `${wsgi}:application`, ...own };
}

/** As `wsgi` in server.toml names it; undefined for what has to be called first, or speaks ASGI. */
export function targetOf(found: FoundCallable | undefined): string | undefined {
  if (found === undefined || found.factory || found.asgi) return undefined;
  return `${found.module ?? found.file}:${found.callable}`;
}
