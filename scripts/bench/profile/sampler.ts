/**
 * In a front thread: JavaScriptCore's sampling profiler from the start; what it saw from PROFILE_AFTER_MS on, for PROFILE_FOR_MS, is
 * written to PROFILE_FOLDER. To write many samples takes seconds: a file has its name when it is whole, and `PARTIAL` until then.
 */
import * as jsc from "bun:jsc";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { PARTIAL } from "./stacks.ts";

const ms = (name: string) => Number(process.env[name]);

/** It is there, and in no types. */
const { samplingProfilerStackTraces } = jsc as unknown as { samplingProfilerStackTraces: () => unknown };

const path = join(process.env["PROFILE_FOLDER"] as string, `front-${threadId}.json`); // profile.ts sets it
const partial = `${path}${PARTIAL}`;
writeFileSync(partial, "");

jsc.startSamplingProfiler();
// Asking for the samples forgets them: what came before is of the start and the warm-up.
setTimeout(() => void samplingProfilerStackTraces(), ms("PROFILE_AFTER_MS"));
setTimeout(
  () => {
    writeFileSync(partial, JSON.stringify(samplingProfilerStackTraces()));
    renameSync(partial, path);
  },
  ms("PROFILE_AFTER_MS") + ms("PROFILE_FOR_MS"),
);
