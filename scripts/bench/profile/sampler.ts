/**
 * In a front thread: JavaScriptCore's sampling profiler from the start. What it saw from PROFILE_AFTER_MS on, for PROFILE_FOR_MS, is
 * written to PROFILE_FOLDER; without PROFILE_FOR_MS, as soon as a file asks for it (`askedBy`). To write many samples takes seconds: a
 * file has its name when it is whole, and `PARTIAL` until then.
 */
import * as jsc from "bun:jsc";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { askedBy, PARTIAL, samplesOf } from "./stacks.ts";

const ASKED_EVERY_MS = 50;

const ms = (name: string) => Number(process.env[name] ?? 0);

/** It is there, and in no types. */
const { samplingProfilerStackTraces } = jsc as unknown as { samplingProfilerStackTraces: () => unknown };

const folder = process.env["PROFILE_FOLDER"] as string; // whoever preloads this sets it
const path = join(folder, samplesOf(process.pid, threadId));
const partial = `${path}${PARTIAL}`;
const asked = join(folder, askedBy(process.pid));
writeFileSync(partial, "");

function write(): void {
  writeFileSync(partial, JSON.stringify(samplingProfilerStackTraces()));
  renameSync(partial, path);
}

jsc.startSamplingProfiler();
if (ms("PROFILE_FOR_MS") > 0) {
  // Asking for the samples forgets them: what came before is of the start and the warm-up.
  setTimeout(() => void samplingProfilerStackTraces(), ms("PROFILE_AFTER_MS"));
  setTimeout(write, ms("PROFILE_AFTER_MS") + ms("PROFILE_FOR_MS"));
} else {
  const looking = setInterval(() => {
    if (!existsSync(asked)) return;
    clearInterval(looking);
    write();
  }, ASKED_EVERY_MS);
}
