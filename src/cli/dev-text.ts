/** What `server dev` says when it begins: what is served, where, and what is in the way of it. Pure. */
import type { ProjectFacts } from "../setup/facts.ts";
import { wrapText } from "../setup/wrap.ts";
import type { DevPlan } from "./dev-plan.ts";

const INDENT = "  ";

/** `columns`: of the terminal, which would break words; undefined: lines as they are. */
export function readyText(
  facts: ProjectFacts,
  { listen, taken, passedOver }: DevPlan,
  colour: boolean,
  columns?: number,
): string {
  const bold = (text: string) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
  const yellow = (text: string) => (colour ? `\x1b[33m${text}\x1b[0m` : text);
  const lines = [
    `${bold(facts.project.name)}  ${whatOf(facts)}`,
    ...listen.map((each) => `${bold(urlOf(each))}${besideOf(taken)}`),
  ];
  const venv =
    passedOver === undefined ? [] : ["", `The interpreter in ${passedOver} cannot be run, so it is not used.`];
  const shaped = (line: string) => (columns === undefined ? [line] : wrapText(line, columns - INDENT.length));
  const notes = [...venv, ...failureLines(facts), ...hostNotes(facts, listen)]
    .flatMap(shaped)
    .map((line) => yellow(line));
  const all = [...lines.flatMap(shaped), "", ...howLines(facts).flatMap(shaped), ...notes];
  return `\n${all.map((line) => `${INDENT}${line}`.trimEnd()).join("\n")}\n\n`;
}

function whatOf({ project, python, loaded }: ProjectFacts): string {
  if (project.kind === "static") return "files";
  const kind =
    project.kind === "django" ? `Django ${loaded?.version ?? "?"}` : (project.callables[0]?.framework ?? "WSGI");
  const chosen = python?.chosen;
  return chosen === undefined
    ? kind
    : `${kind}, Python ${chosen.version} (${chosen.origin === "PATH" ? chosen.python : chosen.origin})`;
}

function urlOf(listen: string): string {
  if (listen.startsWith("unix:")) return listen;
  const address = listen.replace(/^:?(?=\d+$)/, "127.0.0.1:").replace(/^\*:/, "127.0.0.1:");
  return `http://${address}/`;
}

function besideOf(taken: DevPlan["taken"]): string {
  if (taken === undefined) return "";
  const [holder] = taken.holders;
  return `  (port ${taken.port} is taken${holder === undefined ? "" : ` by ${holder.name}, pid ${holder.pid}`})`;
}

function howLines({ project, loaded }: ProjectFacts): string[] {
  if (project.kind === "static") return ["Ctrl-C ends it."];
  const hasStatic = project.kind === "django" && loaded?.settings?.staticPath !== undefined;
  const statics = hasStatic ? " Static files come from Django's finders." : "";
  return [`Code is loaded anew when it changes.${statics} Ctrl-C ends it.`];
}

function failureLines({ loaded }: ProjectFacts): string[] {
  const failure = loaded?.failure;
  if (failure === undefined) return [];
  return [
    "",
    failure.what,
    ...failure.lines.map((line) => `  ${line}`),
    failure.remedy,
    "It is tried again at each change.",
  ];
}

/** Django refuses a Host that it does not know with a 400 that says so only in its log. */
function hostNotes({ loaded }: ProjectFacts, listen: readonly string[]): string[] {
  const settings = loaded?.settings;
  if (settings === undefined || (settings.debug && settings.allowedHosts.length === 0)) return [];
  const isAllowed = settings.allowedHosts.some((host) => host === "*" || host === "127.0.0.1");
  if (isAllowed || listen.every((each) => each.startsWith("unix:"))) return [];
  return [
    "",
    `ALLOWED_HOSTS does not name 127.0.0.1, so Django answers 400 there: add it in ${settings.file ?? "the settings"}.`,
  ];
}
