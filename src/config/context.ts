/** What a configuration is resolved against: the folder it stands in, the environment, the machine. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { Environment } from "./substitute.ts";

export interface Machine {
  readonly cores: number;
  readonly ipv6: boolean;
}

export interface Context {
  /** Absolute; relative paths in the file are relative to it. */
  readonly folder: string;
  readonly environment: Environment;
  readonly machine: Machine;
  /** Written for nginx or uWSGI, which start when what they serve is not there yet. */
  readonly isTranslated: boolean;
}

/** An absolute path without `.` and `..`. */
export function absolute(context: Context, written: string): string {
  return resolve(context.folder, written);
}

export function thisMachine(): Machine {
  return { cores: availableParallelism(), ipv6: hasIpv6() };
}

/** The kernel lists its IPv6 addresses there; no file or no line means that there are none to listen on. */
function hasIpv6(): boolean {
  try {
    return readFileSync("/proc/net/if_inet6", "latin1").trim() !== "";
  } catch {
    return false;
  }
}
