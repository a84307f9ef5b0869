/** Answers to questions that do not arise because what they want is so already: a command that sets up a machine is repeated. */
import { targetOf } from "./facts.ts";
import type { Answers, QuestionId } from "./question.ts";
import { hasApp } from "./questions-app.ts";
import { projectValue, type Seen, settledProject, usableCallables } from "./seen.ts";

const SETTLED: Readonly<Partial<Record<QuestionId, (seen: Seen, answers: Answers) => boolean>>> = {
  project: (seen, answers) => {
    const [only] = seen.projects;
    return only !== undefined && settledProject(seen, answers) === only && projectValue(seen, only) === answers.project;
  },
  callable: ({ facts }, { callable }) =>
    facts !== undefined && targetOf(usableCallables(facts.project)[0]) === callable,
  // wsgi.py was written by it.
  factory: ({ facts }, { factory }) =>
    factory === "write" && facts !== undefined && usableCallables(facts.project).some(({ file }) => file === "wsgi.py"),
  broken: ({ facts }, { broken = "" }) =>
    ["ignore", "stop"].includes(broken) && facts?.loaded !== undefined && facts.loaded.failure === undefined,
  import: (_, answers) => answers.import === "no",
  lines: (seen, answers) =>
    ["add", "leave"].includes(answers.lines ?? "") &&
    hasApp(seen, answers) &&
    seen.facts?.loaded?.settings?.file !== undefined,
  collectstatic: (_, { collectstatic }) => collectstatic === "no",
  // Who is not root stays who he is.
  user: ({ machine }, { user }) => machine.host.account.uid !== 0 && machine.host.account.name === user,
  // A service is started by being one.
  start: (_, { unit, start }) => unit === "yes" && start === "yes",
};

export function isSettled(id: QuestionId, seen: Seen, answers: Answers): boolean {
  return SETTLED[id]?.(seen, answers) === true;
}
