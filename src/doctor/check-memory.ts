/** Memory against workers: what the processes of all apps hold together, and what there is. */
import { lookAtHost } from "../machine/host.ts";
import { type Finding, notice, ok, problem, unknown } from "./finding.ts";
import type { AppFacts, Check, Patient } from "./patient.ts";

const MIB = 1024 * 1024;

/** A worker grows behind its import: templates, caches, the result sets of views. */
const GROWTH = 1.5;
/** The fronts and the master, with small caches. */
const SERVER_BYTES = 150 * MIB;

/** Beyond the first the machine swaps or kills; the second leaves room for the database and the page cache. */
const FULL = 0.9;
const TIGHT = 0.7;

export const MEMORY: Check = {
  name: "memory",
  run: (patient) => {
    const host = lookAtHost(patient.ground, patient.serving.uid);
    if (patient.apps.length === 0) return [];
    if (host.memoryBytes === undefined) return [unknown("memory", "the kernel does not say how much there is")];
    return [judge(patient, host.memoryBytes)];
  },
};

function judge({ apps, running }: Patient, memoryBytes: number): Finding {
  const sizes = apps.flatMap((facts) => {
    const bytes = workerBytes(facts, running);
    return bytes === undefined ? [] : [{ app: facts.app, bytes }];
  });
  const needed = SERVER_BYTES + sizes.reduce((sum, { app, bytes }) => sum + app.processes * bytes, 0);
  const parts = sizes.map(({ app, bytes }) => `${app.processes} × ${mib(bytes)} for ${app.name}`).join(", ");
  const says = `${mib(needed)} of ${mib(memoryBytes)} when all workers are there (${parts})`;
  if (needed <= memoryBytes * TIGHT) return ok("memory", says);
  const [largest] = sizes.toSorted((a, b) => b.app.processes * b.bytes - a.app.processes * a.bytes);
  if (largest === undefined) return problem("memory", says, "more memory");
  const others = needed - largest.app.processes * largest.bytes;
  const fits = Math.max(1, Math.floor((memoryBytes * TIGHT - others) / largest.bytes));
  const remedy = `processes = ${fits} in [app.${largest.app.name}], or preload = true, whose workers share what was imported`;
  return needed > memoryBytes * FULL ? problem("memory", says, remedy) : notice("memory", says, remedy);
}

/** Of a worker that serves, as it is; else of one that has imported, and what it will grow by. */
function workerBytes({ app, rssBytes }: AppFacts, running: Patient["running"]): number | undefined {
  const seen = running?.apps.find(({ name }) => name === app.name)?.rssBytes ?? [];
  if (seen.length > 0) return Math.max(...seen);
  return rssBytes === undefined ? undefined : rssBytes * GROWTH;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
