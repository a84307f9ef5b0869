/** An nginx.conf, or a file of sites-enabled → the plan. */
import { dirname } from "node:path";
import type { Importing } from "../import.ts";
import type { SourceFile } from "../source.ts";
import { resolveIncludes } from "./include.ts";
import { parseFile, textOf } from "./parser.ts";

export function translateNginx(file: SourceFile, { report }: Importing): void {
  const directives = resolveIncludes(parseFile(file, report), { prefix: dirname(file.path), report });
  for (const directive of directives) {
    report.notSupported(directive.origin, textOf(directive), "is not translated yet", "changes-meaning");
  }
}
