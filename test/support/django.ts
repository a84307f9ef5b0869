/** The sample project, prepared once in a folder of its own, for the tests that ask a real Django. */
import { join } from "node:path";
import { sampleConfig } from "../../scripts/sample/config.ts";
import { chooseDjango, type Django } from "../../scripts/sample/django.ts";
import { prepareProject } from "../../scripts/sample/prepare.ts";
import { ROOT } from "./folder.ts";

export interface Sample {
  readonly django: Django;
  readonly data: string;
  config(port: number): string;
}

/** With the Django that DJANGO_FROM names, or the first there is, or the reason why there is none. The data survives from
 *  run to run, a folder for each Django: only what changed is prepared again. */
export function prepareSample(from = process.env["DJANGO_FROM"]): Sample | { readonly missing: string } {
  try {
    const django = chooseDjango(from, () => {});
    const data = join(ROOT, ".build/e2e", django.source);
    prepareProject(django, data, () => {});
    const names = ["localhost", "127.0.0.1"];
    const config = (port: number) =>
      sampleConfig({ django, data, listen: `127.0.0.1:${port}`, names, processes: 2, threads: 2 });
    return { django, data, config };
  } catch (error) {
    return { missing: error instanceof Error ? error.message.replaceAll("\n", "; ") : String(error) };
  }
}
