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
