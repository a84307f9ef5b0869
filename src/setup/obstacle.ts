/** Where there is no going on: what is in the way, and the remedy. Questions that could solve it come first. */
import type { Answers } from "./question.ts";
import { factoryLines } from "./questions-project.ts";
import { type Seen, usableCallables } from "./seen.ts";

export const MEND_FIRST =
  "Nothing was written: mend the project first. --broken ignore writes server.toml all the same.";

export function obstacleOf(seen: Seen, answers: Answers): string | undefined {
  const project = seen.facts?.project;
  const isBroken = seen.facts?.loaded?.failure !== undefined;
  if (isBroken && answers.broken !== undefined && answers.broken !== "ignore") return MEND_FIRST;
  if (project?.kind === "django" && project.wsgi.length === 0 && seen.facts?.loaded?.settings?.wsgi === undefined) {
    if (seen.facts?.loaded?.settings === undefined) return undefined;
    return `${project.root} has no wsgi.py, and the settings name no WSGI_APPLICATION: write one as Django's startproject does.`;
  }
  if (project?.kind !== "wsgi" || answers.callable !== undefined || usableCallables(project).length > 0)
    return undefined;
  const lines = factoryLines(seen);
  if (answers.factory === "leave")
    return `Nothing was written: a server needs the application under a name. Write wsgi.py, or let it be written by --factory write:\n${lines?.map((line) => `    ${line}`).join("\n")}`;
  if (answers.factory === "write" || project.callables.some(({ factory }) => factory)) return undefined;
  const [found] = project.callables;
  const target = `${found?.module ?? found?.file}:${found?.callable}`;
  return (
    `${found?.file} speaks ASGI (${found?.framework}), which an ASGI server runs: start it with uvicorn ${target} --port 8001, ` +
    "and put this server in front: server setup --kind proxy --upstream 127.0.0.1:8001"
  );
}
