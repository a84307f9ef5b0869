/**
 * What files were translated to, as a configuration: problems are placed where the setting came from, since nobody has seen
 * the server.toml in between.
 */
import { type Loaded, loadTranslated } from "../config/load.ts";
import type { Problem } from "../config/problems.ts";
import type { Environment } from "../config/substitute.ts";
import type { Finding } from "./report.ts";

/** What write.ts puts behind a row. */
const ORIGIN = / {2}# (.+):(\d+)$/;

/** `file` names the server (Config.file); `toml` is what write.ts wrote. */
export function loadPlanText(file: string, toml: string, environment: Environment): Loaded {
  const { config, problems } = loadTranslated(file, toml, environment);
  const lines = toml.split("\n");
  const placed = problems.map((problem): Problem => {
    const [, name, line] = ORIGIN.exec(lines[problem.line - 1] ?? "") ?? [];
    return name === undefined ? { ...problem, line: 0 } : { ...problem, file: name, line: Number(line), column: 1 };
  });
  return { config, problems: placed };
}

/** What keeps a translation from being used, as the problems of a configuration that cannot be loaded. */
export function problemsOf(findings: readonly Finding[]): Problem[] {
  return findings
    .filter(({ changesMeaning }) => changesMeaning)
    .map(({ origin, directive, sentence }) => ({
      severity: "error",
      file: origin.file.name,
      ...origin.file.positionOf(origin.offset),
      key: directive,
      what: sentence,
      should: undefined,
      suggestion: undefined,
      frame: undefined,
    }));
}
