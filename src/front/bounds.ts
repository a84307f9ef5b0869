/** What a configuration bounds for a whole front: its part of what is bound for the server. */
import type { Config } from "../config/config.ts";
import { compileAddressSet } from "../exchange/address-set.ts";
import type { SpoolBounds } from "../exchange/spool-budget.ts";
import type { AdmissionBounds } from "./admission.ts";

export function admissionBounds({ server: { limits, trustedProxies } }: Config): AdmissionBounds {
  const { connectionsMax, connectionsPerAddressMax } = limits;
  return { connectionsMax, connectionsPerAddressMax, trust: compileAddressSet(trustedProxies) };
}

/** A front's part of what the whole server may spool. */
export function spoolBounds({ server: { fronts, limits } }: Config): SpoolBounds {
  return {
    memoryBytesMax: Math.floor(limits.spoolMemoryBytesMax / fronts),
    diskBytesMax: Math.floor(limits.spoolDiskBytesMax / fronts),
  };
}

/** What is said when those are reached. */
export const SPOOL_LIMITS = { memory: "spool_memory", disk: "spool_disk" } as const;
export const SPOOL_DETAILS = {
  memory: "it is used up; bodies and replies go to temporary files at once",
  disk: "it is used up; bodies are answered 507, replies wait for their clients",
} as const;
