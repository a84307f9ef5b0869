/**
 * One wire, sent to a server, and what is seen of its answer from outside: the class of each status and whether the connection
 * was closed, as one line: `2xx 4xx close`, `2xx open`, `nothing open`.
 */
import { MORE_ACCEPTED } from "../cases/http1/accepted.ts";
import { MORE_REFUSED } from "../cases/http1/refused.ts";
import { ACCEPTED } from "../protocol/http1/accepted-cases.ts";
import { REFUSED_BODIES, TRUNCATED } from "../protocol/http1/refused-body-cases.ts";
import { REFUSED_HEADS } from "../protocol/http1/refused-head-cases.ts";
import { type Address, Client } from "../support/wire.ts";

export interface DifferentialCase {
  readonly name: string;
  readonly wire: string;
  /** Does the client half-close behind it? */
  readonly ends: boolean;
}

const plain = (
  cases: readonly { readonly name: string; readonly wire: string; readonly limits?: unknown }[],
  ends = false,
) => cases.filter(({ limits }) => limits === undefined).map(({ name, wire }) => ({ name, wire, ends }));

/** Every case of the table that needs no special limits. */
export const CASES: readonly DifferentialCase[] = [
  ...plain([...ACCEPTED, ...MORE_ACCEPTED, ...REFUSED_HEADS, ...REFUSED_BODIES, ...MORE_REFUSED]),
  ...plain(TRUNCATED, true),
];

/** Nothing has come for so long: nothing more comes. Both servers and the client are on one machine. */
const QUIET_MS = 300;

export async function outcomeOf(address: Address, { wire, ends }: DifferentialCase): Promise<string> {
  const client = await Client.open(address);
  try {
    client.send(wire);
    if (ends) client.half();
    const rest = client.rest().catch(() => client.waiting);
    let output: Buffer | undefined;
    for (let seen = -1; output === undefined && client.waiting.length > seen;) {
      seen = client.waiting.length;
      output = await Promise.race([rest, Bun.sleep(QUIET_MS).then(() => undefined)]);
    }
    return outcomeText((output ?? client.waiting).latin1Slice(), output !== undefined);
  } finally {
    client.close();
  }
}

function outcomeText(output: string, closed: boolean): string {
  const statuses = [...output.matchAll(/HTTP\/1\.1 (\d)(\d\d) [^\r]*\r\n/g)];
  const classes = statuses.filter(([, first]) => first !== "1").map(([, first]) => `${first}xx`);
  return `${classes.join(" ") || "nothing"} ${closed ? "close" : "open"}`;
}

/** The outcome of each case by its name; some at a time, since most of it is waiting. */
export async function outcomesOf(address: Address, cases: readonly DifferentialCase[]): Promise<Map<string, string>> {
  const outcomes = new Map<string, string>();
  const queue = [...cases];
  const worker = async () => {
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
      outcomes.set(each.name, await outcomeOf(address, each));
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  return outcomes;
}
