/**
 * Files of nginx and uWSGI → one plan and one report. What each of them means is decided by the translators below; here
 * only which of them a file is for.
 */
import type { Environment } from "../config/substitute.ts";
import { joinApps } from "./join.ts";
import { translateNginx } from "./nginx/translate.ts";
import { emptyPlan, type Plan } from "./plan.ts";
import { ImportReport } from "./report.ts";
import type { SourceFile } from "./source.ts";
import { settleUsers } from "./users.ts";
import { isUwsgi, translateUwsgi } from "./uwsgi/translate.ts";

/** What both translators fill. */
export interface Importing {
  readonly plan: Plan;
  readonly report: ImportReport;
  readonly environment: Environment;
}

export type Format = "nginx" | "uwsgi";

/** By its name, else by what it looks like. */
export function formatOf(file: SourceFile): Format {
  return isUwsgi(file) ? "uwsgi" : "nginx";
}

export function importFiles(files: readonly SourceFile[], environment: Environment): Importing {
  const importing: Importing = { plan: emptyPlan(), report: new ImportReport(), environment };
  // First, so that what nginx passes to an app's socket can be given to the app.
  for (const file of files.filter((each) => formatOf(each) === "uwsgi")) translateUwsgi(file, importing);
  translateNginx(
    files.filter((each) => formatOf(each) === "nginx"),
    importing,
  );
  joinApps(importing.plan, importing.report);
  settleUsers(importing.plan);
  return importing;
}
