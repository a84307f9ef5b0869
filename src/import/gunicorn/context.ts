/** What the translators of one gunicorn share: what was given, what it comes to, and where paths are looked for. */
import { resolve } from "node:path";
import type { AppKey, Plan, Settings, Site } from "../plan.ts";
import type { ImportReport } from "../report.ts";
import type { Origin, SourceFile } from "../source.ts";
import type { Given } from "./given.ts";
import type { Started } from "./started.ts";

export interface Context {
  readonly given: Given;
  readonly started: Started;
  readonly plan: Plan;
  readonly report: ImportReport;
  /** Where gunicorn works, after --chdir: logs, certificates and modules are looked for from here. */
  readonly root: string;
  readonly name: string;
  readonly app: Settings<AppKey>;
  readonly site: Site;
  /** What stands for gunicorn where it says nothing itself: its command, or its file. */
  readonly origin: Origin;
}

export function pathIn(folder: string, path: string): string {
  return resolve(folder, path);
}

/** As it is written in server.toml, where `$ENV{` is a reference. */
export function plain(text: string): string {
  return text.replaceAll("$ENV{", "$$$$ENV{");
}

/** What is about the address of gunicorn, and about nothing when there is none any more (join.ts). */
export function ofAddress({ site }: Context, origin: Origin): Origin {
  site.settings.sources.add(origin);
  return origin;
}

export function wholeFile(file: SourceFile): Origin {
  return file.at(0, (file.text.split("\n")[0] ?? "").length || 1);
}
