/** What will be done, all of it, before any of it is: files, folders, commands, and what is left to say. */
import { dirname, join } from "node:path";
import { adviceFor, adviceUntilCertificate } from "./advice.ts";
import { configurationText, prefixOf } from "./configuration.ts";
import type { SettingsEdit } from "./edits.ts";
import { type Front, placeOf } from "./front.ts";
import type { Answers } from "./question.ts";
import { editOf, staticRootOf } from "./questions-app.ts";
import { factoryLines } from "./questions-project.ts";
import { servingUser } from "./questions-user.ts";
import type { Seen } from "./seen.ts";

export interface SetupPlan {
  /** server.toml */
  readonly file: string;
  readonly toml: string;
  /** It holds variables of --env, which may be secrets. */
  readonly isPrivate: boolean;
  /** What the file holds now; undefined when there is none. */
  readonly before: string | undefined;
  /** Made first, since a configuration that names folders which are not there cannot be used. */
  readonly folders: readonly NewFolder[];
  /** Of the project, with consent. */
  readonly newFiles: readonly NewFile[];
  readonly edit: SettingsEdit | undefined;
  readonly django: DjangoWork | undefined;
  readonly start: "unit" | "start" | "reload" | undefined;
  /** As whom it will run; undefined: as who starts it, or nobody can say yet. */
  readonly user: string | undefined;
  readonly front: Front;
  /** What the administrator should know or do, a sentence or two each. */
  readonly advice: readonly string[];
  /** The same, as long as the certificate that is ordered is not there. */
  readonly untilCertificate: readonly string[];
}

export interface NewFolder {
  readonly path: string;
  /** Whose it is; undefined: whose the folder above is. */
  readonly user: string | undefined;
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

export function makePlan(seen: Seen, answers: Answers, file: string): SetupPlan {
  const folder = dirname(file);
  const { edit, lack } = editsOf(seen, answers);
  const front = frontOf(seen, answers);
  return {
    file,
    toml: configurationText(seen, answers, folder),
    isPrivate: Object.keys(seen.variables).length > 0,
    before: seen.files.read(file),
    folders: missingFolders(seen, answers),
    newFiles: newFilesOf(seen, answers),
    edit,
    django: djangoWork(seen, answers, lack),
    start: startOf(seen, answers),
    user: servingUser(seen, answers),
    front,
    advice: adviceFor(seen, answers),
    untilCertificate: adviceUntilCertificate(seen, answers),
  };
}

function editsOf(seen: Seen, answers: Answers): { readonly edit: SettingsEdit | undefined; readonly lack: boolean } {
  const edit = editOf(seen, answers);
  const isWritten = answers.lines === "add";
  return { edit: isWritten ? edit : undefined, lack: !isWritten && edit?.staticRoot !== undefined };
}

function missingFolders(seen: Seen, answers: Answers): NewFolder[] {
  const isMissing = ({ path }: NewFolder) => seen.files.kind(path) === undefined;
  if (answers.import === "yes")
    return (seen.importable?.folders ?? []).map((path) => ({ path, user: undefined })).filter(isMissing);
  const statics = staticRootOf(seen, answers);
  const media = answers.uploads === undefined ? undefined : seen.facts?.loaded?.settings?.mediaRoot;
  return [
    ...(statics === undefined ? [] : [{ path: statics, user: undefined }]),
    // The project writes there.
    ...(media === undefined ? [] : [{ path: media, user: servingUser(seen, answers) }]),
  ].filter(isMissing);
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
