/** Questions about what is served: asked only where more than one answer is possible, or none is in sight. */
import { resolve } from "node:path";
import type { Interpreter } from "../project/interpreter.ts";
import type { FoundCallable } from "../project/callables.ts";
import type { Project } from "../project/project.ts";
import { targetOf } from "./facts.ts";
import type { Answers, ChoiceQuestion, Question, TextQuestion } from "./question.ts";
import { projectValue, relativeTo, type Seen, usableCallables } from "./seen.ts";

const WORDS: Readonly<Record<Project["kind"], string>> = { django: "Django", wsgi: "WSGI", static: "files" };

export function askProject(seen: Seen, { kind }: Answers): Question | undefined {
  if (seen.projects.length < 2 || kind !== undefined) return undefined;
  const choices = seen.projects.map((project) => {
    const value = projectValue(seen, project);
    return { value, label: value === "." ? `this folder` : value, hint: `${WORDS[project.kind]}: ${project.name}` };
  });
  const [first] = choices;
  if (first === undefined) return undefined;
  const why = [`There are ${choices.length} in ${seen.folder}.`];
  return {
    id: "project",
    kind: "choice",
    message: "Which project is to be served?",
    why,
    choices,
    initial: first.value,
  };
}

/** Asked when there is no project; a flag may say it all the same. */
export function askKind(seen: Seen, { kind }: Answers): Question | undefined {
  if (seen.projects.length > 0 && kind === undefined) return undefined;
  const choices = [
    { value: "static", label: "A folder of files", hint: "a static site" },
    { value: "proxy", label: "Another server", hint: "requests are forwarded to it" },
  ];
  const why = [
    "There is no manage.py, no WSGI application and no index.html here. For a project, start it in the project's folder.",
  ];
  return { id: "kind", kind: "choice", message: "What is to be served?", why, choices, initial: "static", unasked: "" };
}

export function askRoot(seen: Seen, { kind }: Answers): TextQuestion | undefined {
  if (kind !== "static") return undefined;
  const refuse = (text: string) => {
    if (text === "") return "should be a folder";
    const found = seen.files.kind(resolve(seen.folder, text));
    if (found === undefined) return `${text} does not exist`;
    return found === "directory" ? undefined : `${text} is not a folder`;
  };
  return { id: "root", kind: "text", message: "Which folder?", why: [], initial: ".", refuse };
}

const ADDRESS = /^(?:unix:\/.+|(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}|\d{1,5}|https?:\/\/[\w.-]+(?::\d{1,5})?\/?)$/i;

export function askUpstream(_: Seen, { kind }: Answers): TextQuestion | undefined {
  if (kind !== "proxy") return undefined;
  const refuse = (text: string) =>
    ADDRESS.test(text)
      ? undefined
      : "should be an address such as 127.0.0.1:8000, unix:/run/app.sock or https://10.0.0.2";
  const message = "Where does the other server listen?";
  return { id: "upstream", kind: "text", message, why: ["Over HTTP."], initial: "127.0.0.1:8000", refuse };
}

export function askCallable(seen: Seen): Question | undefined {
  const project = seen.facts?.project;
  const usable = project === undefined ? [] : usableCallables(project);
  const [first] = usable;
  if (usable.length < 2 || first === undefined) return undefined;
  const choices = usable.slice(0, CHOICES_MAX).map((found) => {
    const value = targetOf(found) ?? "";
    return { value, label: value, hint: `${found.framework}, in ${found.file}` };
  });
  const open = (text: string) => (/^[\w./-]+:[\w.]+$/.test(text) ? undefined : "should be module:callable");
  const initial = choices[0]?.value ?? "";
  return { id: "callable", kind: "choice", message: "Which application?", why: [], choices, initial, open };
}

/** More are no choice any more. */
const CHOICES_MAX = 8;

/** The lines that make a name of what has to be called. */
export function factoryLines(seen: Seen): readonly string[] | undefined {
  const project = seen.facts?.project;
  if (project?.kind !== "wsgi" || usableCallables(project).length > 0) return undefined;
  const factory = project.callables.find((found) => found.factory);
  return factory?.module === undefined ? undefined : linesFor(factory);
}

/** Of a function that makes the application. */
export function linesFor({ module, file, callable }: FoundCallable): readonly string[] {
  return [`from ${module ?? file} import ${callable}`, "", `application = ${callable}()`];
}

export function askFactory(seen: Seen): ChoiceQuestion | undefined {
  const lines = factoryLines(seen);
  const project = seen.facts?.project;
  if (lines === undefined || project?.kind !== "wsgi") return undefined;
  const factory = project.callables.find((found) => found.factory);
  return {
    id: "factory",
    kind: "choice",
    message: "May wsgi.py be written?",
    why: [
      `${factory?.callable}() in ${factory?.file} makes the application, and a server needs it under a name:`,
      ...lines.filter((line) => line !== "").map((line) => `    ${line}`),
    ],
    choices: [
      { value: "write", label: "Write wsgi.py" },
      { value: "leave", label: "No", hint: "ends here" },
    ],
    initial: "write",
    unasked: "leave",
  };
}

/** Only when there is none that could do. */
export function askPython(seen: Seen, { python }: Answers): TextQuestion | undefined {
  const { facts } = seen;
  if (facts?.python === undefined) return undefined;
  const { chosen } = facts.python;
  const lacks = facts.project.kind === "django" && chosen?.django === undefined;
  if (python === undefined && chosen !== undefined && !lacks) return undefined;
  const refuse = (text: string) => {
    const path = resolve(facts.project.root, text);
    const inside = ["bin/python", "bin/python3"].some((name) => seen.files.isExecutable(resolve(path, name)));
    return inside || seen.files.isExecutable(path) ? undefined : `there is no interpreter at ${path}`;
  };
  return {
    id: "python",
    kind: "text",
    message: "Which Python runs the project?",
    why: [whyPython(chosen), "A virtualenv or an interpreter. To make one: python3 -m venv .venv"],
    initial: "",
    placeholder: ".venv",
    refuse,
  };
}

function whyPython(chosen: Interpreter | undefined): string {
  if (chosen === undefined) return "No Python was found that runs.";
  return `${chosen.python} has no Django.`;
}

/** Only when wsgi.py and manage.py disagree, and the environment does not decide. */
export function askSettings(seen: Seen, { settings }: Answers): ChoiceQuestion | undefined {
  const project = seen.facts?.project;
  if (project?.kind !== "django") return undefined;
  const isDecided = seen.settingsVariable !== undefined || project.settings.length < 2;
  if (isDecided && settings === undefined) return undefined;
  const choices = project.settings.map(({ module, by }) => ({ value: module, label: module, hint: `from ${by}` }));
  const open = (text: string) =>
    /^[\p{L}_][\p{L}\p{N}_.]*$/u.test(text) ? undefined : "should be a module such as mysite.settings";
  const why = ["wsgi.py is what a server loads; manage.py is for commands."];
  const initial = choices[0]?.value ?? "";
  return { id: "settings", kind: "choice", message: "Which settings?", why, choices, initial, open };
}

/** The project cannot be loaded. The screen has shown why. */
export function askBroken(seen: Seen): ChoiceQuestion | undefined {
  if (seen.facts?.loaded?.failure === undefined) return undefined;
  return {
    id: "broken",
    kind: "choice",
    message: "The project cannot be loaded. What now?",
    why: [],
    choices: [
      { value: "again", label: "Try again", hint: "when it is mended" },
      { value: "ignore", label: "Go on without", hint: "server.toml is written, the site will not start" },
      { value: "stop", label: "Leave", hint: "nothing is written" },
    ],
    initial: "again",
    unasked: "stop",
  };
}

export function askImport(seen: Seen): ChoiceQuestion | undefined {
  const { importable } = seen;
  if (importable === undefined) return undefined;
  const { files, losses, isOurs, forwards } = importable;
  // Somebody who has a project wants it run here.
  const keeps = forwards && seen.facts?.project.kind !== "static";
  const names = files.map((file) => relativeTo(seen.facts?.project.root ?? "", file)).join(", ");
  const shown = losses.slice(0, LOSSES_SHOWN).map((loss) => `- ${loss}`);
  const more = losses.length > LOSSES_SHOWN ? [`and ${losses.length - LOSSES_SHOWN} more`] : [];
  return {
    id: "import",
    kind: "choice",
    message: "Take over what serves the project today?",
    why: [
      `Found: ${names}`,
      ...(losses.length === 0
        ? ["Everything in it can be translated."]
        : ["Of it these would be lost:", ...shown, ...more]),
      ...(keeps
        ? ["It forwards to what runs the project today, which goes on then. Begun anew, server runs it itself."]
        : []),
    ],
    choices: [
      { value: "yes", label: "Import it", hint: "server.toml does the same" },
      { value: "no", label: "Begin anew" },
    ],
    initial: losses.length === 0 && isOurs && !keeps ? "yes" : "no",
  };
}

const LOSSES_SHOWN = 5;
