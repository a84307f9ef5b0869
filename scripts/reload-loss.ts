/**
 * Does a reload lose a request? 20 reloads that change routes, listeners, apps and workers, under as much load as this
 * machine bears, over connections that are kept and connections that are new; 100,000 requests at least, none of which may
 * fail. Exit code 1 when one did.
 *
 *     bun scripts/reload-loss.ts [RELOADS [REQUESTS]]
 */
import { reloadUnderLoad } from "../test/support/reload-load.ts";

const [reloads = 20, requests = 100_000] = process.argv.slice(2).map(Number);
const began = performance.now();
const { kept, fresh, mismatches } = await reloadUnderLoad(reloads, requests, 8);
const seconds = ((performance.now() - began) / 1000).toFixed(1);
for (const [name, { replies, statuses, failures }] of Object.entries({ kept, fresh })) {
  const failed = failures.length + replies - (statuses[200] ?? 0);
  console.log(`${name} connections: ${replies} requests, ${failed} failed`, statuses, failures.slice(0, 5));
}
for (const line of mismatches) console.log(line);
console.log(`${reloads} reloads in ${seconds} s`);
const isWell = [kept, fresh].every(
  ({ failures, statuses }) => failures.length === 0 && Object.keys(statuses).join() === "200",
);
process.exit(isWell && mismatches.length === 0 ? 0 : 1);
