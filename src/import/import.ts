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

/** What both translators fill. */
export interface Importing {
  readonly plan: Plan;
  readonly report: ImportReport;
  readonly environment: Environment;
}

export type Format = "nginx" | "uwsgi";

/** By its name, else by what it looks like. */
export function formatOf({ name, text }: SourceFile): Format {
  if (/\.(ini|ya?ml|xml|json)$/i.test(name)) return "uwsgi";
  return /^\s*\[uwsgi\]/m.test(text) ? "uwsgi" : "nginx";
}

export function importFiles(files: readonly SourceFile[], environment: Environment): Importing {
  const importing: Importing = { plan: emptyPlan(), report: new ImportReport(), environment };
  for (const file of files.filter((each) => formatOf(each) === "nginx")) translateNginx(file, importing);
  joinApps(importing.plan, importing.report);
  return importing;
}
