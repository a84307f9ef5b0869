/** What the translators of one uWSGI share: what was given, what it comes to, and where paths are looked for. */
import { resolve } from "node:path";
import type { AppKey, Plan, Settings, Site } from "../plan.ts";
import type { Given } from "./given.ts";
import { hasMark } from "./marks.ts";
import type { Surroundings } from "./surroundings.ts";

/** For a server.toml that is read later, or for this process alone. */
export type Purpose = "import" | "run";

export interface Context {
  readonly purpose: Purpose;
  readonly given: Given;
  readonly plan: Plan;
  readonly around: Surroundings;
  /** Where uWSGI was started: logs and pid files are looked for from here. */
  readonly base: string;
  /** Where it works: everything else is. */
  readonly root: string;
  readonly name: string;
  readonly app: Settings<AppKey>;
  /** Undefined: there is no HTTP address. */
  readonly site: Site | undefined;
}

/** A path that begins with a variable is taken for a whole one. */
export function absolutePath(path: string, folder: string): string {
  return hasMark(path.slice(0, 1)) ? path : resolve(folder, path);
}
