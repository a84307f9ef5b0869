/** What the projects themselves write, as the user of their processes: a database that is a file, uploads. */
import { dirname } from "node:path";
import { adviseSqlite, sqliteFile } from "../project/sqlite.ts";
import { describe, refusalOf, remedyFor } from "./access.ts";
import { ownerName, servingApp } from "./accounts.ts";
import { type Finding, ok, problem } from "./finding.ts";
import type { Need } from "./ground.ts";
import type { AppFacts, Check, Patient } from "./patient.ts";

const FOLDER: readonly Need[] = ["write", "search"];

export const WRITTEN: Check = {
  name: "written",
  run: async (patient) =>
    (
      await Promise.all(
        patient.apps.map(async (facts) => [await database(facts, patient), await uploads(facts, patient)]),
      )
    )
      .flat()
      .filter((each) => each !== undefined),
};

async function database({ app, settings }: AppFacts, { ground, serving }: Patient): Promise<Finding | undefined> {
  const file = settings === undefined ? undefined : sqliteFile(settings);
  if (settings === undefined || file === undefined) return undefined;
  const who = servingApp(app, serving);
  const there = ground.state(file) !== undefined;
  const refused =
    (await refusalOf(ground, who, dirname(file), FOLDER)) ??
    (there ? await refusalOf(ground, who, file, ["read", "write"]) : undefined);
  const subject = `database of app ${app.name}`;
  if (refused === undefined) return ok(subject, `${who.name} may write ${file}`);
  if (refused.need === "search" || refused.state === undefined)
    return problem(subject, `${refused.path} ${describe(refused, ownersIn(ground))}`, remedyFor(refused, who));
  const { needs, remedy } = adviseSqlite(ground.files, app.root, settings, file, who.name);
  return problem(subject, `${refused.path} ${describe(refused, ownersIn(ground))}; ${needs}`, remedy);
}

async function uploads({ app, settings }: AppFacts, { ground, serving }: Patient): Promise<Finding | undefined> {
  const folder = settings?.mediaRoot;
  // Many projects have a MEDIA_ROOT and no uploads.
  if (folder === undefined || ground.state(folder) === undefined) return undefined;
  const who = servingApp(app, serving);
  const refused = await refusalOf(ground, who, folder, FOLDER);
  const subject = `uploads of app ${app.name}`;
  if (refused === undefined) return ok(subject, `${who.name} may write in ${folder}`);
  const says = `${who.name} may not write in MEDIA_ROOT: ${refused.path} ${describe(refused, ownersIn(ground))}`;
  return problem(subject, says, remedyFor(refused, who));
}

function ownersIn({ files }: Patient["ground"]): (uid: number, gid: number) => string {
  return (uid, gid) => ownerName(files, uid, gid);
}
