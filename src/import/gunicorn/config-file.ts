/** gunicorn.conf.py → settings, without running it: what of it is no assignment of a literal is told, line by line. */
import { availableParallelism } from "node:os";
import { nearest } from "../../config/nearest.ts";
import type { ImportReport } from "../report.ts";
import type { SourceFile } from "../source.ts";
import type { Option } from "./option.ts";
import { readPython, type Statement } from "./python-file.ts";
import { hookSentence } from "./remarks.ts";
import { BY_NAME, HOOKS } from "./settings.ts";

const NOT_RUN = "the file is read, and not run";

export function readConfigFile(file: SourceFile, report: ImportReport, cores = availableParallelism()): Option[] {
  return readPython(file, cores).flatMap((statement) => {
    const { assigned, origin, text } = statement;
    if (assigned !== undefined && BY_NAME.has(assigned.name))
      return [{ name: assigned.name, value: assigned.value, level: "file", origin, written: text } as const];
    tellStatement(statement, report);
    return [];
  });
}

function tellStatement({ kind, name, assigned, origin, text }: Statement, report: ImportReport): void {
  if (assigned !== undefined) {
    const near = nearest(assigned.name, BY_NAME.keys());
    const offer = near === undefined ? "" : `; was ${near} meant?`;
    return report.noEffectThere(origin, text, `is no setting of gunicorn, which takes no notice${offer}`);
  }
  if (name !== undefined && HOOKS.has(name))
    return report.notSupported(origin, text, hookSentence(name), "changes-meaning");
  if (kind === "assignment" && name !== undefined && BY_NAME.has(name)) {
    const sentence = `is computed when gunicorn starts, and ${NOT_RUN}: write a literal in its place`;
    return report.notSupported(origin, text, sentence, "changes-meaning");
  }
  if (kind === "other") {
    const sentence = `${NOT_RUN}: what it does belongs into the project, and settings into lines of their own`;
    return report.notSupported(origin, text, sentence, "changes-meaning");
  }
  // It does nothing by itself.
  report.notSupported(origin, text, NOT_RUN, "harmless");
}
