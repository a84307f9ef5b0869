/** Every question by its id: `undefined` where it does not arise. */
import type { Answers, Question, QuestionId } from "./question.ts";
import {
  askCollectstatic,
  askLines,
  askProcesses,
  askStart,
  askThreads,
  askUnit,
  askUploads,
} from "./questions-app.ts";
import {
  askBroken,
  askCallable,
  askFactory,
  askImport,
  askKind,
  askProject,
  askPython,
  askRoot,
  askSettings,
  askUpstream,
} from "./questions-project.ts";
import { askUser } from "./questions-user.ts";
import { askCert, askDomain, askHttps, askKey, askListen } from "./questions-site.ts";
import type { Seen } from "./seen.ts";

const QUESTIONS: Readonly<Record<QuestionId, (seen: Seen, answers: Answers) => Question | undefined>> = {
  project: askProject,
  kind: askKind,
  root: askRoot,
  upstream: askUpstream,
  callable: askCallable,
  factory: askFactory,
  python: askPython,
  settings: askSettings,
  broken: askBroken,
  import: askImport,
  domain: askDomain,
  listen: askListen,
  https: askHttps,
  cert: askCert,
  key: askKey,
  processes: askProcesses,
  threads: askThreads,
  uploads: askUploads,
  lines: askLines,
  collectstatic: askCollectstatic,
  unit: askUnit,
  user: askUser,
  start: askStart,
};

export function askFor(id: QuestionId, seen: Seen, answers: Answers): Question | undefined {
  return QUESTIONS[id](seen, answers);
}
