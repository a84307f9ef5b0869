/** All that can be seen before anything is asked: the machine at once, a project by asking its own interpreter. */
import { join } from "node:path";
import { type Addresses, lookAtAddresses } from "../machine/addresses.ts";
import { type Host, lookAtHost } from "../machine/host.ts";
import { mayListen, portsInUse, type PortUse } from "../machine/ports.ts";
import type { Surroundings } from "../machine/surroundings.ts";
import { type ExistingFile, findExisting } from "../project/existing.ts";
import { adviceOn, type Advice } from "../project/failure.ts";
import { findInterpreter, type Interpreters } from "../project/interpreter.ts";
import type { DjangoProject, Project } from "../project/project.ts";
import { probeSettings, type Settings } from "../project/settings.ts";

/** The ports of the web, and the one that developers use. */
export const PORTS = [80, 443, 8000] as const;

export interface MachineFacts {
  readonly host: Host;
  /** Of PORTS those that somebody has. */
  readonly ports: readonly PortUse[];
  /** This user may listen on 80 and 443. */
  readonly lowPorts: boolean;
  readonly addresses: Addresses;
}

export interface ProjectFacts {
  readonly project: Project;
  /** Undefined for files alone. */
  readonly python: Interpreters | undefined;
  readonly django: DjangoFacts | undefined;
  /** What serves it today. */
  readonly existing: readonly ExistingFile[];
  /** `requirements.txt`, relative to the root. */
  readonly requirements: string | undefined;
}

export interface DjangoFacts {
  readonly version: string | undefined;
  readonly settings: Settings | undefined;
  /** Why it cannot be loaded. */
  readonly failure: Advice | undefined;
}

export function lookAtMachine(surroundings: Surroundings, uid: number): MachineFacts {
  const { files } = surroundings;
  return {
    host: lookAtHost(surroundings, uid),
    ports: portsInUse(files, PORTS),
    lowPorts: mayListen(files, uid, 80),
    addresses: lookAtAddresses(),
  };
}

/** What was said by hand, and overrules what is found. */
export interface ProjectWish {
  /** An interpreter or virtualenv, absolute. */
  readonly python?: string | undefined;
  readonly settings?: string | undefined;
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
  const requirements = REQUIREMENTS.find((name) => files.kind(join(project.root, name)) === "file");
  if (project.kind === "static") return { project, python: undefined, django: undefined, existing, requirements };
  const needed = project.kind === "django" ? "django" : undefined;
  const python = await findInterpreter(surroundings, project.root, needed, wish.python);
  const django =
    project.kind === "django" ? await lookAtDjango(surroundings, project, python, requirements, wish) : undefined;
  return { project, python, django, existing, requirements };
}

const REQUIREMENTS = ["requirements.txt", "requirements/production.txt", "requirements/base.txt"];

async function lookAtDjango(
  surroundings: Surroundings,
  project: DjangoProject,
  { chosen }: Interpreters,
  requirements: string | undefined,
  wish: ProjectWish,
): Promise<DjangoFacts> {
  if (chosen === undefined) return { version: undefined, settings: undefined, failure: undefined };
  const [wsgi] = project.wsgi;
  const settings = wish.settings ?? settingsOf(surroundings, project);
  const { python } = chosen;
  const asked = { python, root: project.root, settings, wsgi: wsgi && `${wsgi}:application` };
  const environment = wish.environment === undefined ? {} : { environment: wish.environment };
  const probed = await probeSettings(surroundings, { ...asked, ...environment }, wish.signal);
  const failure = probed.failure && adviceOn(probed.failure, { python, root: project.root, requirements });
  return { version: probed.django ?? chosen.django, settings: probed.settings, failure };
}

/** The environment's word overrules wsgi.py's, whose overrules manage.py's, as when the site is served. */
function settingsOf({ environment }: Surroundings, project: DjangoProject): string | undefined {
  const named = environment["DJANGO_SETTINGS_MODULE"];
  return named === undefined || named === "" ? project.settings[0]?.module : named;
}
