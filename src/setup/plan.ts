/** What will be done, all of it, before any of it is: files, folders, commands, and what is left to say. */
import { dirname, join } from "node:path";
import { ANY, addressOf, isLocal, LOOPBACK, shownAddress } from "./address.ts";
import { adviceFor } from "./advice.ts";
import { configurationText, prefixOf } from "./configuration.ts";
import type { SettingsEdit } from "./edits.ts";
import type { Answers } from "./question.ts";
import { editOf, staticRootOf } from "./questions-app.ts";
import { factoryLines } from "./questions-project.ts";
import { domainsOf, type Seen } from "./seen.ts";

export interface SetupPlan {
  /** server.toml */
  readonly file: string;
  readonly toml: string;
  /** What the file holds now; undefined when there is none. */
  readonly before: string | undefined;
  /** Made first, since a configuration that names folders which are not there cannot be used. */
  readonly folders: readonly string[];
  /** Of the project, with consent. */
  readonly newFiles: readonly NewFile[];
  readonly edit: SettingsEdit | undefined;
  readonly django: DjangoWork | undefined;
  readonly start: "unit" | "start" | "reload" | undefined;
  readonly front: Front;
  /** What the administrator should know or do, a sentence or two each. */
  readonly advice: readonly string[];
}

export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** What manage.py is asked to do. */
export interface DjangoWork {
  readonly python: string;
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined: not now. */
  readonly collect: { readonly into: string; readonly settingsLack: boolean } | undefined;
  /** The site has HTTPS. */
  readonly https: boolean;
}

/** Where and how the site will be reached. */
export interface Front {
  readonly host: string | undefined;
  /** What stands for it in a URL where there is none. */
  readonly shown: string;
  /** Undefined: by a unix socket, which cannot be asked for a page. */
  readonly port: number | undefined;
  readonly address: string;
  readonly https: "off" | "auto" | "internal" | "files";
  readonly path: string;
  /** A prefix and the folder behind it: a file of it is asked for. */
  readonly files: { readonly prefix: string; readonly folder: string } | undefined;
}

export function makePlan(seen: Seen, answers: Answers, file: string): SetupPlan {
  const folder = dirname(file);
  const { edit, lack } = editsOf(seen, answers);
  const front = frontOf(seen, answers);
  return {
    file,
    toml: configurationText(seen, answers, folder),
    before: seen.files.read(file),
    folders: missingFolders(seen, answers),
    newFiles: newFilesOf(seen, answers),
    edit,
    django: djangoWork(seen, answers, lack),
    start: startOf(seen, answers),
    front,
    advice: adviceFor(seen, answers),
  };
}

function editsOf(seen: Seen, answers: Answers): { readonly edit: SettingsEdit | undefined; readonly lack: boolean } {
  const edit = editOf(seen, answers);
  const isWritten = answers.lines === "add";
  return { edit: isWritten ? edit : undefined, lack: !isWritten && edit?.staticRoot !== undefined };
}

function missingFolders(seen: Seen, answers: Answers): string[] {
  if (answers.import === "yes") return [];
  const media = answers.uploads === "public" || answers.uploads === "private";
  const wanted = [staticRootOf(seen, answers), media ? seen.facts?.loaded?.settings?.mediaRoot : undefined];
  return wanted.filter((path) => path !== undefined).filter((path) => seen.files.kind(path) === undefined);
}

function newFilesOf(seen: Seen, answers: Answers): NewFile[] {
  const lines = answers.factory === "write" ? factoryLines(seen) : undefined;
  if (lines === undefined || seen.facts === undefined) return [];
  return [{ path: join(seen.facts.project.root, "wsgi.py"), text: `${lines.join("\n")}\n` }];
}

function djangoWork(seen: Seen, answers: Answers, settingsLack: boolean): DjangoWork | undefined {
  const { facts } = seen;
  const python = facts?.python?.chosen?.python;
  if (facts?.project.kind !== "django" || python === undefined || facts.loaded?.failure !== undefined) return undefined;
  const module = facts.loaded?.settings?.module;
  const root = staticRootOf(seen, answers);
  return {
    python,
    root: facts.project.root,
    environment: { ...seen.variables, ...(module !== undefined && { DJANGO_SETTINGS_MODULE: module }) },
    collect: answers.collectstatic === "yes" && root !== undefined ? { into: root, settingsLack } : undefined,
    https: (answers.https ?? "off") !== "off",
  };
}

function startOf(seen: Seen, answers: Answers): SetupPlan["start"] {
  if (answers.unit === "yes") return "unit";
  if (answers.start !== "yes") return undefined;
  return seen.running ? "reload" : "start";
}

function frontOf(seen: Seen, answers: Answers): Front {
  const place = placeOf(seen, answers);
  const staticPath = seen.facts?.loaded?.settings?.staticPath;
  const folder = staticRootOf(seen, answers);
  const files = staticPath === undefined || folder === undefined ? undefined : { prefix: staticPath, folder };
  const project = seen.facts?.project;
  const own = project?.kind === "static" ? { prefix: "/", folder: project.root } : files;
  return { ...place, path: prefixOf(seen), files: own };
}

type FrontPlace = Omit<Front, "path" | "files">;

function placeOf(seen: Seen, answers: Answers): FrontPlace {
  const imported = answers.import === "yes" ? seen.importable?.front : undefined;
  if (imported !== undefined) {
    const isAny = ANY.test(imported.address) || imported.address === "::";
    const address = isAny ? LOOPBACK : imported.address;
    return {
      ...imported,
      address,
      shown: isAny ? shownAddress(seen, address) : address,
      https: imported.https ? "files" : "off",
    };
  }
  const https = (answers.https ?? "off") as Front["https"];
  const names = domainsOf(answers);
  const { port, address } = addressOf(answers, https);
  return {
    host: plainName(names),
    shown: isLocal(answers) ? address : shownAddress(seen, address),
    port,
    address,
    https,
  };
}

/** The first that a browser can be sent to. */
export function plainName(names: readonly string[]): string | undefined {
  return names.find((name) => !/[*~]|^\./.test(name)) ?? names.map(withoutWildcard)[0];
}

/** `.example.org` and `*.example.org` stand for names: the first is one itself. */
function withoutWildcard(name: string): string | undefined {
  if (name.startsWith("~")) return undefined;
  return name.startsWith("*.") ? `www${name.slice(1)}` : name.replace(/^\.|\.\*$/g, "");
}

/** What people open. */
export function urlOf({ host, port, shown, https, path }: Front): string {
  const scheme = https === "off" ? "http" : "https";
  const usual = https === "off" ? 80 : 443;
  const name = host ?? (shown.includes(":") ? `[${shown}]` : shown);
  return `${scheme}://${name}${port === undefined || port === usual ? "" : `:${port}`}${path}`;
}
