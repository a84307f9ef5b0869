/**
 * In a front thread: JavaScriptCore's sampling profiler from the start; what it saw from PROFILE_AFTER_MS on, for PROFILE_FOR_MS, is
 * written to PROFILE_FOLDER.
 */
import * as jsc from "bun:jsc";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

const ms = (name: string) => Number(process.env[name]);

/** It is there, and in no types. */
const { samplingProfilerStackTraces } = jsc as unknown as { samplingProfilerStackTraces: () => unknown };

jsc.startSamplingProfiler();
// Asking for the samples forgets them: what came before is of the start and the warm-up.
setTimeout(() => void samplingProfilerStackTraces(), ms("PROFILE_AFTER_MS"));
setTimeout(
  () => {
    const path = join(process.env["PROFILE_FOLDER"] as string, `front-${threadId}.json`); // profile.ts sets it
    writeFileSync(path, JSON.stringify(samplingProfilerStackTraces()));
  },
  ms("PROFILE_AFTER_MS") + ms("PROFILE_FOR_MS"),
);
