/** What a bench was asked and did not find out. */
import type { RowResult } from "./results.ts";

/** Undefined when each row has somebody's figures. `isNamed`: the rows were asked for one by one, not those that the peers can do. */
export function unmeasured(rows: readonly RowResult[], isNamed: boolean): string | undefined {
  const isEmpty = ({ entries }: RowResult) => entries.length === 0;
  if (rows.every(isEmpty) && !rows.some(({ refused }) => refused.length > 0)) {
    return `nothing was measured: none of the peers is here and can do ${isNamed ? idsOf(rows) : "any of the rows"}`;
  }
  const failed = rows.filter((row) => isEmpty(row) && (isNamed || row.refused.length > 0));
  return failed.length === 0 ? undefined : `nothing was measured in ${failed.map(withReasons).join("; ")}`;
}

const idsOf = (rows: readonly RowResult[]) => rows.map(({ id }) => id).join(", ");

function withReasons({ id, refused }: RowResult): string {
  const reasons = refused.map(({ peer, why }) => `${peer}: ${why}`);
  return `${id} (${reasons.length === 0 ? "none of the peers can do it" : reasons.join(", ")})`;
}
