/** Questions about the app, and about what is done at the end. */
import { upperFirst } from "../base/words.ts";
import type { PortUse } from "../machine/ports.ts";
import { isLocal, refusedAddress } from "./address.ts";
import { missingLines, type SettingsEdit, usesStaticFiles } from "./edits.ts";
import type { Answers, ChoiceQuestion, TextQuestion } from "./question.ts";
import { yesOrNo } from "./question.ts";
import { isOnWeb, portTrouble, showHolders } from "./questions-site.ts";
import { domainsOf, relativeTo, type Seen } from "./seen.ts";
import { type Sizing, sizePool } from "./sizing.ts";

/** More processes than the configuration takes are a slip of the finger. */
const PROCESSES_MAX = 1024;
const THREADS_MAX = 256;

export function sizingOf(seen: Seen): Sizing {
  return sizePool(seen.machine.host, seen.facts?.loaded?.memoryBytes);
}

export function hasApp(seen: Seen, answers: Answers): boolean {
  return answers.import !== "yes" && seen.facts !== undefined && seen.facts.project.kind !== "static";
}

export function askProcesses(seen: Seen, answers: Answers): TextQuestion | undefined {
  if (!hasApp(seen, answers)) return undefined;
  const { processes, reason } = sizingOf(seen);
  const today = runningToday(seen, "processes");
  const why = [...(today === undefined ? [] : [today.why]), `${upperFirst(reason)}.`];
  return count("processes", "How many processes?", why, today?.count ?? processes, PROCESSES_MAX);
}

export function askThreads(seen: Seen, answers: Answers): TextQuestion | undefined {
  if (!hasApp(seen, answers)) return undefined;
  const { threads } = sizingOf(seen);
  const today = runningToday(seen, "threads");
  const use = "While one waits for the database, another answers. Python runs one of them at a time.";
  const why = [...(today === undefined ? [] : [today.why]), use];
  return count("threads", "How many threads in each?", why, today?.count ?? threads, THREADS_MAX);
}

/** What serves the project today was given as many, by somebody who knew why. */
function runningToday({ facts }: Seen, what: "processes" | "threads"): { count: number; why: string } | undefined {
  const unit = facts?.existing.find((each) => each[what] !== undefined);
  const count = unit?.[what];
  if (unit === undefined || count === undefined) return undefined;
  return { count, why: `${upperFirst(unit.program ?? "")} has ${count} today, in ${unit.path}.` };
}

function count(
  id: "processes" | "threads",
  message: string,
  why: readonly string[],
  initial: number,
  max: number,
): TextQuestion {
  const refuse = (text: string) => {
    const isCount = /^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= max;
    return isCount ? undefined : `should be a number from 1 to ${max}`;
  };
  return { id, kind: "text", message, why, initial: String(initial), refuse };
}

export function askUploads(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  const settings = seen.facts?.loaded?.settings;
  if (!hasApp(seen, answers) || settings?.mediaPath === undefined || settings.mediaRoot === undefined) return undefined;
  const { mediaPath, mediaRoot } = settings;
  return {
    id: "uploads",
    kind: "choice",
    message: "Who may see uploads?",
    why: [`MEDIA_ROOT is ${relativeTo(seen.facts?.project.root ?? "", mediaRoot)}, MEDIA_URL ${mediaPath}`],
    choices: [
      { value: "public", label: "Everybody", hint: "sent without asking the project" },
      { value: "private", label: "Whom the project lets", hint: "it answers with X-Accel-Redirect" },
      { value: "project", label: "The project sends them itself" },
    ],
    initial: "public",
  };
}

/** What is missing in the settings, for the answers so far. */
export function editOf(seen: Seen, answers: Answers): SettingsEdit | undefined {
  const settings = seen.facts?.loaded?.settings;
  if (!hasApp(seen, answers) || settings?.file === undefined) return undefined;
  const root = seen.facts?.project.root ?? "";
  const names = domainsOf(answers);
  // Without a name people come by its address.
  const host = names.length > 0 || isLocal(answers) ? undefined : refusedAddress(seen);
  return missingLines(settings, root, host === undefined ? names : [host], seen.files.read(settings.file));
}

export function askLines(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  const edit = editOf(seen, answers);
  if (edit === undefined) return undefined;
  const file = relativeTo(seen.facts?.project.root ?? "", edit.file);
  const many = edit.lines.length > 1;
  return {
    id: "lines",
    kind: "choice",
    message: many ? `May ${edit.lines.length} lines be added to ${file}?` : `May a line be added to ${file}?`,
    why: edit.lines.flatMap((line, i) => [`${edit.reasons[i] ?? ""}:`, `    ${line}`]),
    choices: [
      { value: "add", label: many ? "Add them" : "Add it", hint: "at the end; the old file is kept beside it" },
      { value: "leave", label: many ? "I add them myself" : "I add it myself" },
    ],
    initial: "add",
    unasked: "leave",
  };
}

/** Where the static files are, or will be with the line that is missing. */
export function staticRootOf(seen: Seen, answers: Answers): string | undefined {
  const settings = seen.facts?.loaded?.settings;
  if (settings === undefined || !usesStaticFiles(settings)) return undefined;
  return settings.staticRoot ?? editOf(seen, answers)?.staticRoot;
}

export function askCollectstatic(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  const root = staticRootOf(seen, answers);
  if (root === undefined || seen.facts?.loaded?.failure !== undefined) return undefined;
  const why = [
    `manage.py collectstatic puts the static files into ${relativeTo(seen.facts?.project.root ?? "", root)}.`,
  ];
  return yesOrNo({ id: "collectstatic", message: "Collect static files now?", why, initial: "yes" }, "Yes", "Later");
}

export function askUnit(seen: Seen, { unit }: Answers): ChoiceQuestion | undefined {
  const cannot = whyNoUnit(seen);
  if ((cannot !== undefined || seen.running) && unit === undefined) return undefined;
  const why = ["It then starts with the machine, and again when it fails. server service does the same later."];
  const question = yesOrNo({ id: "unit", message: "Make it a service of systemd?", why, initial: "yes" }, "Yes", "No");
  if (cannot === undefined) return question;
  const choices = question.choices.filter(({ value }) => value === "no");
  return { ...question, choices, initial: "no", open: () => `cannot be yes: ${cannot}` };
}

function whyNoUnit({ machine }: Seen): string | undefined {
  if (!machine.host.systemd) return "systemd does not run this machine";
  return machine.host.account.uid === 0 ? undefined : "a unit is written by root: sudo server setup";
}

/** A service is started by being one. */
export function askStart(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  if (answers.unit === "yes") return undefined;
  const cannot = whyNotNow(seen, answers);
  const isReload = seen.running;
  const message = isReload ? "Reload the server that runs?" : "Start it now?";
  const why = isReload
    ? ["It runs with this configuration already; no request is lost."]
    : ["In the background: server stop ends it."];
  const initial = cannot === undefined ? "yes" : "no";
  return yesOrNo({ id: "start", message, why: cannot === undefined ? why : [cannot], initial }, "Yes", "Later");
}

/** What the imported addresses meet; a server of this configuration has them rightly. */
export function importedTrouble({ importable, running }: Seen, answers: Answers): readonly PortUse[] {
  return answers.import === "yes" && !running ? (importable?.taken ?? []) : [];
}

/** What would keep it from starting. */
export function whyNotNow(seen: Seen, answers: Answers): string | undefined {
  if (answers.broken === "ignore") return "The project cannot be loaded, so it would not start.";
  const { taken, forbidden } = portTrouble(seen);
  const onWeb = answers.import !== "yes" && isOnWeb(answers);
  const needed = answers.https === "off" || answers.https === undefined ? [80] : [80, 443];
  const inTheWay = onWeb ? taken.filter(({ port }) => needed.includes(port)) : importedTrouble(seen, answers);
  if (inTheWay.length > 0) return `It would not start: ${showHolders(inTheWay).join(", ")}.`;
  return onWeb && forbidden ? "It would not start: ports below 1024 are for root." : undefined;
}
