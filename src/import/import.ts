/**
 * Files of nginx, uWSGI and gunicorn → one plan and one report. What each of them means is decided by the translators below; here
 * only which of them a file is for.
 */
import type { Environment } from "../config/substitute.ts";
import { isGunicorn, translateGunicorn } from "./gunicorn/translate.ts";
import { joinApps } from "./join.ts";
import { translateNginx } from "./nginx/translate.ts";
import { emptyPlan, type Plan } from "./plan.ts";
import { ImportReport } from "./report.ts";
import type { SourceFile } from "./source.ts";
import { settleUsers } from "./users.ts";
import { isUwsgi, translateUwsgi } from "./uwsgi/translate.ts";

/** What all translators fill. */
export interface Importing {
  readonly plan: Plan;
  readonly report: ImportReport;
  readonly environment: Environment;
}

export type Format = "nginx" | "uwsgi" | "gunicorn";

/** By its name, else by what it looks like. */
export function formatOf(file: SourceFile): Format {
  if (isUwsgi(file)) return "uwsgi";
  return isGunicorn(file) ? "gunicorn" : "nginx";
}

export function importFiles(files: readonly SourceFile[], environment: Environment): Importing {
  const importing: Importing = { plan: emptyPlan(), report: new ImportReport(), environment };
  const of = (format: Format) => files.filter((each) => formatOf(each) === format);
  // First, so that what nginx passes to an app's socket can be given to the app.
  for (const file of of("uwsgi")) translateUwsgi(file, importing);
  translateGunicorn(of("gunicorn"), importing);
  translateNginx(of("nginx"), importing);
  joinApps(importing.plan, importing.report);
  settleUsers(importing.plan);
  return importing;
}
