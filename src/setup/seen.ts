/** All that the questions are made from: the facts, as far as the answers have settled which are meant. */
import { join, resolve } from "node:path";
import { domainToASCII } from "node:url";
import type { NameVerdict } from "../machine/addresses.ts";
import type { PortUse } from "../machine/ports.ts";
import type { Files, RunAs } from "../machine/surroundings.ts";
import type { FoundCallable } from "../project/callables.ts";
import type { Project } from "../project/project.ts";
import type { MachineFacts, ProjectFacts } from "./facts.ts";
import type { Answers } from "./question.ts";

export interface Seen {
  /** In which `server setup` was started; paths that are typed are relative to it. */
  readonly folder: string;
  readonly machine: MachineFacts;
  readonly files: Files;
  readonly projects: readonly Project[];
  /** DJANGO_SETTINGS_MODULE of the terminal. */
  readonly settingsVariable: string | undefined;
  /** For the environment of the app, by --env. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whose the project is, when root sets it up for somebody else. */
  readonly owner: RunAs | undefined;
  /** Of this machine, for web servers; undefined when there is none, or it does not matter. */
  readonly webUser: WebUser | undefined;
  /** Undefined until it is settled which project is meant, and when none is. */
  readonly facts: ProjectFacts | undefined;
  /** What the DNS says of the domains that were answered. */
  readonly names: ReadonlyMap<string, NameVerdict>;
  /** What `server import` makes of the files that serve the project today. */
  readonly importable: Importable | undefined;
  /** A server with this configuration runs already: what it listens on is ours. */
  readonly running: boolean;
  /** The server.toml that is there says so: root runs the project. */
  readonly wasRoot: boolean;
  /** The folder of server.toml, when we may not write in it. */
  readonly unwritable: string | undefined;
}

export interface Importable {
  readonly files: readonly string[];
  readonly toml: string;
  /** What would behave otherwise, a sentence each. */
  readonly losses: readonly string[];
  /** That it serves files from. */
  readonly folders: readonly string[];
  /** It runs the project or names its files; one that does not may be for another machine, such as a container. */
  readonly isOurs: boolean;
  /** It names no user, and root starts it: the project's Python is root. */
  readonly asRoot: boolean;
  /** It runs no project, but forwards to what does. */
  readonly forwards: boolean;
  /** Of its sites; without patterns. */
  readonly names: readonly string[];
  /** Of the first site, which is asked for a page; undefined when the text cannot be used as it is. */
  readonly front: ImportedFront | undefined;
  /** Ports that it will listen on and that somebody has. */
  readonly taken: readonly PortUse[];
}

export interface WebUser {
  readonly name: string;
  /** It can read the project and run its Python; it can connect to the socket that is forwarded to. */
  readonly reaches: boolean;
  /** Of a folder of files, the first that it cannot read. */
  readonly cannotRead?: string | undefined;
  /** Of what the project itself writes, as far as it is there: a database that is a file, its folder, MEDIA_ROOT. */
  readonly cannotWrite: readonly string[];
}

export interface ImportedFront {
  readonly host: string | undefined;
  readonly port: number;
  readonly address: string;
  readonly https: boolean;
}

export type Kind = Project["kind"] | "proxy";

/** How a project is called in an answer: its folder, with its kind where two share it. */
export function projectValue(seen: Pick<Seen, "folder" | "projects">, project: Project): string {
  const path = folderFrom(seen.folder, project.root);
  const isShared = seen.projects.some((other) => other !== project && other.root === project.root);
  return isShared ? `${path} (${project.kind})` : path;
}

/** Below `folder` relative to it, elsewhere as it is. */
export function relativeTo(folder: string, path: string): string {
  return path.startsWith(join(folder, "/")) ? path.slice(join(folder, "/").length) : path;
}

/** The same, where `path` may be `folder` itself. */
export function folderFrom(folder: string, path: string): string {
  return path === folder ? "." : relativeTo(folder, path);
}

/** As a route names a folder of files. */
export function folderText(folder: string, path: string): string {
  return path === folder ? "." : `${relativeTo(folder, path)}/`;
}

/** The project that the answers mean; "proxy" for none, undefined while it is open. */
export function settledProject(
  seen: Pick<Seen, "folder" | "projects">,
  answers: Answers,
): Project | "proxy" | undefined {
  const { kind, root, project } = answers;
  if (kind === "proxy") return "proxy";
  if (kind === "static") {
    if (root === undefined) return undefined;
    const folder = resolve(seen.folder, root);
    return { kind: "static", root: folder, name: "site" };
  }
  if (seen.projects.length === 1) return seen.projects[0];
  return seen.projects.find((each) => projectValue(seen, each) === project);
}

/** Those that can be called as they are. */
export function usableCallables(project: Project): readonly FoundCallable[] {
  return project.kind === "wsgi" ? project.callables.filter(({ factory, asgi }) => !factory && !asgi) : [];
}

/** As browsers send them, so with the letters of IDNA. */
export function domainsOf(answers: Answers): string[] {
  return writtenDomains(answers).map((name) => {
    const [, before = "", host = "", after = ""] = /^(\*?\.|)(.*?)(\.\*|)$/.exec(name) ?? [];
    return name.startsWith("~") ? name : before + (domainToASCII(host) || host).toLowerCase() + after;
  });
}

/** As they were typed. */
export function writtenDomains(answers: Answers): string[] {
  return (answers.domain ?? "").split(/[\s,]+/).filter((name) => name !== "");
}
