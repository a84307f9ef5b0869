/** Gathers what the questions need, as far as the answers have settled it; what was looked at once is remembered. */
import { accessSync, constants } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isPublicName, judgeName, lookUp, type LookUp, type NameVerdict } from "../machine/addresses.ts";
import { webAccount } from "../machine/host.ts";
import { type RunAs, runningAs, type Surroundings } from "../machine/surroundings.ts";
import { examine } from "../project/interpreter.ts";
import type { Project } from "../project/project.ts";
import { foldersBelow } from "../project/folders.ts";
import { findProjects } from "../project/project.ts";
import type { Settings } from "../project/settings.ts";
import { sqliteFile } from "../project/sqlite.ts";
import { askedOf, lookAtMachine, lookAtProject, type MachineFacts, type ProjectFacts } from "./facts.ts";
import { translateExisting } from "./importing.ts";
import { ownerOf, runningForOwner } from "./owner.ts";
import type { Answers } from "./question.ts";
import { domainsOf, type Importable, relativeTo, type Seen, settledProject, type WebUser } from "./seen.ts";

export interface LookingOptions {
  readonly surroundings: Surroundings;
  readonly folder: string;
  readonly uid: number;
  /** Where server.toml goes, when it is said. */
  readonly output: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** A server with this configuration answers. */
  readonly isRunning: (file: string) => Promise<boolean>;
  readonly lookUp?: LookUp;
}

/** Each is loaded by its interpreter, which takes seconds. */
const PROJECTS_MAX = 20;

const REACH_TIMEOUT_MS = 20_000;

/** Of a folder of files: for a sample of those that are served. */
const FILES_DEPTH = 4;
const FILES_MAX = 1000;

/** test(1) asks the kernel; one shell asks it of all. */
const FIRST_UNREADABLE = 'for path; do test -r "$path" || { printf %s "$path"; exit 1; }; done';

interface Known {
  readonly webUser: WebUser | undefined;
  readonly facts: ProjectFacts;
  readonly importable: Importable | undefined;
}

export class Looking {
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
  private readonly options: LookingOptions;
  private readonly machine: MachineFacts;
  private projects: readonly Project[];
  private readonly known = new Map<string, Known>();
  private readonly names = new Map<string, NameVerdict>();
  private readonly running = new Map<string, boolean>();

  constructor(options: LookingOptions) {
    this.options = options;
    this.surroundings = options.surroundings;
    this.signal = options.signal;
    this.machine = lookAtMachine(options.surroundings, options.uid);
    this.projects = this.findProjects();
  }

  /** What these answers need that takes time; undefined: nothing. */
  pending(answers: Answers): string | undefined {
    const project = this.projectOf(answers);
    if (project !== undefined && !this.known.has(this.keyOf(project, answers))) return "Looking at the project";
    const isNew = domainsOf(answers).some((name) => isPublicName(name) && !this.names.has(name));
    return isNew ? "Asking the DNS" : undefined;
  }

  /** The project was mended, or may have been: another callable, another manage.py may be what mends it. */
  forget(): void {
    this.known.clear();
    this.projects = this.findProjects();
  }

  async look(answers: Answers): Promise<Seen> {
    const project = this.projectOf(answers);
    const known = project === undefined ? undefined : await this.lookAt(project, answers);
    await this.lookAtNames(answers);
    const webUser = answers.kind === "proxy" ? await this.webUserForProxy(answers.upstream ?? "") : known?.webUser;
    const base = { ...this.seenWith(project, known), webUser };
    const file = this.fileFor(base);
    // It may depend on what is still to be answered where the file will be.
    const isSettled = project !== undefined || answers.kind === "proxy" || this.options.output !== undefined;
    const unwritable = isSettled ? unwritableFolder(dirname(file)) : undefined;
    const wasRoot = /^run_as_root\s*=\s*true\b/m.test(base.files.read(file) ?? "");
    return { ...base, unwritable, wasRoot, running: await this.isRunning(file) };
  }

  /** For --json: the machine, and every project as it would be seen if it were chosen. */
  async everything(): Promise<object> {
    const projects: ProjectFacts[] = [];
    for (const project of this.projects.slice(0, PROJECTS_MAX)) projects.push((await this.lookAt(project, {})).facts);
    return { folder: this.options.folder, machine: this.machine, projects };
  }

  fileFor(seen: Pick<Seen, "facts">): string {
    const { folder, output } = this.options;
    if (output !== undefined) return output;
    const project = seen.facts?.project;
    // A folder of files is not the place for what is about it, unless it is where we stand.
    return join(project === undefined || project.kind === "static" ? folder : project.root, "server.toml");
  }

  private findProjects(): readonly Project[] {
    const { surroundings, folder } = this.options;
    return findProjects(surroundings.files, folder);
  }

  private projectOf(answers: Answers): Project | undefined {
    const { folder } = this.options;
    const settled = settledProject({ folder, projects: this.projects }, answers);
    return settled === "proxy" ? undefined : settled;
  }

  private seenWith(project: Project | undefined, known: Known | undefined): Seen {
    const { surroundings, folder, variables } = this.options;
    const named = surroundings.environment["DJANGO_SETTINGS_MODULE"];
    return {
      folder,
      machine: this.machine,
      files: surroundings.files,
      projects: this.projects,
      settingsVariable: named === "" ? undefined : named,
      variables,
      owner: project === undefined ? undefined : this.ownerOf(project.root),
      webUser: known?.webUser,
      facts: known?.facts,
      names: this.names,
      importable: known?.importable,
      running: false,
      unwritable: undefined,
      wasRoot: false,
    };
  }

  /** An answer that is what is taken without one needs no second look. */
  private keyOf(project: Project, { python, settings, callable }: Answers): string {
    const { environment } = this.options.surroundings;
    return JSON.stringify([
      project.kind,
      project.root,
      python,
      askedOf(environment, project, { settings, wsgi: callable }),
    ]);
  }

  private async lookAt(project: Project, answers: Answers): Promise<Known> {
    const key = this.keyOf(project, answers);
    const before = this.known.get(key);
    if (before !== undefined) return before;
    const { variables: environment, signal } = this.options;
    const surroundings = this.runningFor(project.root);
    const { settings, callable: wsgi } = answers;
    const python = answers.python === undefined ? undefined : resolve(project.root, answers.python);
    const facts = await lookAtProject(surroundings, project, { python, settings, wsgi, environment, signal });
    const webUser = await this.webUserFor(facts);
    const isRoot = this.options.uid === 0;
    const known = { webUser, facts, importable: translateExisting(facts.existing, project.root, surroundings, isRoot) };
    this.known.set(key, known);
    return known;
  }

  /** Whoever's project it is, its code is not run with more rights than that. */
  runningFor(root: string): Surroundings {
    return runningForOwner(this.surroundings, this.options.uid, root);
  }

  private ownerOf(root: string): RunAs | undefined {
    return ownerOf(this.surroundings.files, this.options.uid, root);
  }

  private async lookAtNames(answers: Answers): Promise<void> {
    const names = domainsOf(answers).filter((name) => !this.names.has(name));
    const { lookUp: ask = lookUp } = this.options;
    const verdicts = await Promise.all(names.map((name) => judgeName(name, this.machine.addresses, ask)));
    names.forEach((name, i) => this.names.set(name, verdicts[i] ?? { kind: "no-answer" }));
  }

  private async isRunning(file: string): Promise<boolean> {
    const before = this.running.get(file);
    if (before !== undefined) return before;
    const now = await this.options.isRunning(file);
    this.running.set(file, now);
    return now;
  }

  /** Whether it can read the project is asked of the kernel, as that user. */
  private async webUserFor({ project, python, loaded }: ProjectFacts): Promise<WebUser | undefined> {
    if (this.ownerOf(project.root) !== undefined) return undefined;
    const user = this.webUserAt(project.root);
    if (user === undefined) return undefined;
    const { name, its, test } = user;
    const reads = (await test("-r", ".")) && (await test("-x", "."));
    if (project.kind === "static") {
      const cannotRead = reads ? await this.firstUnreadable(its, project.root) : undefined;
      return { name, reaches: reads, cannotRead, cannotWrite: [] };
    }
    const chosen = python?.chosen;
    const found = chosen === undefined ? undefined : await examine(its, chosen, project.root);
    // One whose parts it cannot read may start all the same, as another Python.
    const same =
      found === undefined ||
      (!("failure" in found) && found.version === chosen?.version && found.django === chosen.django);
    const { files } = this.surroundings;
    const written = writtenBy(loaded?.settings).filter((path) => files.kind(path) !== undefined);
    const may = await Promise.all(written.map((path) => test("-w", path)));
    return { name, reaches: reads && same, cannotWrite: written.filter((_, i) => may[i] !== true) };
  }

  /** Of a socket it is whoever may write it that connects (unix(7)). */
  private async webUserForProxy(upstream: string): Promise<WebUser | undefined> {
    const user = this.webUserAt("/");
    if (user === undefined) return undefined;
    const socket = /^unix:(.+)$/.exec(upstream)?.[1];
    const isThere = socket !== undefined && this.surroundings.files.kind(socket) !== undefined;
    return { name: user.name, reaches: !isThere || (await user.test("-w", socket)), cannotWrite: [] };
  }

  /** The user of web servers, for root; what runs as it does so in `folder`. */
  private webUserAt(folder: string) {
    const { uid, surroundings } = this.options;
    const account = uid === 0 ? webAccount(surroundings.files) : undefined;
    if (account?.name === undefined) return undefined;
    const { uid: id, gid = account.uid, name, home = "/" } = account;
    const its = runningAs(surroundings, { uid: id, gid, name, home });
    const test = async (...words: string[]) =>
      (await its.run(["test", ...words], { folder, timeoutMs: REACH_TIMEOUT_MS })).code === 0;
    return { name, its, test };
  }

  private async firstUnreadable(its: Surroundings, root: string): Promise<string | undefined> {
    const { files } = this.surroundings;
    const paths = foldersBelow(files, root, FILES_DEPTH).flatMap((folder) =>
      files
        .list(folder)
        .filter((name) => !name.startsWith("."))
        .map((name) => join(folder, name)),
    );
    // What we write ourselves is not served.
    const served = paths.filter((path) => files.kind(path) === "file" && !isOwnFile(root, path)).slice(0, FILES_MAX);
    const words = ["sh", "-c", FIRST_UNREADABLE, "sh", ...served];
    const { stdout } = await its.run(words, { folder: root, timeoutMs: REACH_TIMEOUT_MS });
    return stdout === "" ? undefined : stdout;
  }
}

function isOwnFile(root: string, path: string): boolean {
  return /^server\.(?:toml|log)/.test(relativeTo(root, path));
}

/** One that is not there yet is told of when it is to be written. */
function unwritableFolder(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EACCES" || code === "EROFS" ? folder : undefined;
  }
}

function writtenBy(settings: Settings | undefined): string[] {
  const database = settings === undefined ? undefined : sqliteFile(settings);
  return [...(database === undefined ? [] : [database, dirname(database)]), settings?.mediaRoot].filter(
    (path) => path !== undefined,
  );
}
