/**
 * What a site shows whose names, or whose authority, are not those of before, until there is a certificate for what is wanted
 * now: the one that was kept and covers most of its names. Visitors who were served yesterday are not refused today because
 * one more name is to be proved. Pure, given what is kept.
 */
import type { LoadedPair } from "./files.ts";
import { covers, oneLine } from "./judge.ts";

export interface StandIn {
  readonly pair: LoadedPair;
  /** For people: why it is not what is wanted. */
  readonly why: string;
}

/** Undefined: none of `kept` would be taken by anybody. Of several that cover as many, the one that was made last. */
export function standInFor(names: readonly string[], kept: readonly LoadedPair[], nowMs: number): StandIn | undefined {
  const [best] = kept
    .flatMap((pair) => {
      const [leaf] = pair.chain;
      if (leaf === undefined || leaf.validToDate.getTime() <= nowMs) return [];
      const missing = names.filter((name) => !covers(leaf, name));
      return missing.length === names.length ? [] : [{ pair, leaf, missing }];
    })
    .toSorted(
      (a, b) => a.missing.length - b.missing.length || b.leaf.validFromDate.getTime() - a.leaf.validFromDate.getTime(),
    );
  if (best === undefined) return undefined;
  const { pair, leaf, missing } = best;
  const lack = missing.length === 0 ? "" : `; it does not name ${missing.join(", ")}`;
  return { pair, why: `one of before, signed by ${oneLine(leaf.issuer)}, is shown until there is a new one${lack}` };
}
