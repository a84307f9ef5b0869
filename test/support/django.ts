/** The sample project, prepared once in a folder of its own, for the tests that ask a real Django. */
import { join } from "node:path";
import { sampleConfig } from "../../scripts/sample/config.ts";
import { chooseDjango, type Django } from "../../scripts/sample/django.ts";
import { prepareProject } from "../../scripts/sample/prepare.ts";
import { ROOT } from "./folder.ts";

/** The data survives from run to run: only what changed is prepared again. */
const DATA = join(ROOT, ".build/e2e/data");

export interface Sample {
  readonly django: Django;
  readonly data: string;
  config(port: number): string;
}

/** Undefined members never: where there is no Django, the reason. */
export function prepareSample(): Sample | { readonly missing: string } {
  try {
    const django = chooseDjango(process.env["DJANGO_FROM"], () => {});
    prepareProject(django, DATA, () => {});
    const names = ["localhost", "127.0.0.1"];
    const config = (port: number) =>
      sampleConfig({ django, data: DATA, listen: `127.0.0.1:${port}`, names, processes: 2, threads: 2 });
    return { django, data: DATA, config };
  } catch (error) {
    return { missing: error instanceof Error ? error.message.replaceAll("\n", "; ") : String(error) };
  }
}
