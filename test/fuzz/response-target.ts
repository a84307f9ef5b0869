/**
 * The parser of responses under the fuzzer: an upstream may be hostile. What must hold for any bytes:
 *
 *   1. nothing throws
 *   2. the events are the same however the bytes are cut
 *   3. events come in order: interim, head, data, end; nothing after `failed`
 *   4. content is never longer than announced, and a response that has ended has all of it
 *   5. after the end no byte is told: it is surplus
 *   6. before the content no more is held than the head's bound and a packet
 */
import { ClientConnection } from "../../src/protocol/http1/client.ts";
import { clientTrace, packets, randomCuts, whole } from "../support/http1.ts";
import type { Drawn, FuzzTarget } from "./run.ts";
import { cuts, FUZZ_LIMITS } from "./server-target.ts";
import { type Dice, responseWire } from "./wires.ts";

export function makeResponseTarget(trace: typeof clientTrace): FuzzTarget {
  return {
    name: "response",
    draw: (dice) => ({ wire: responseWire(dice), sound: 0 }),
    judge: (drawn, dice) => judge(trace, drawn, dice),
  };
}

function judge(trace: typeof clientTrace, { wire }: Drawn, dice: Dice): string | undefined {
  const asking = { ends: dice.oneIn(2), method: dice.pick(["GET", "HEAD", "POST"]), limits: FUZZ_LIMITS };
  const seen = trace(wire, { ...asking, cut: whole });
  for (const [label, cut] of cuts(dice, wire.length)) {
    const other = trace(wire, { ...asking, cut });
    if (seen.join("\n") !== other.join("\n")) return `2: whole gives ${show(seen)}, ${label} gives ${show(other)}`;
  }
  return orderBreach(seen) ?? lengthBreach(seen) ?? surplusBreach(seen, wire) ?? heldBreach(wire, asking.method, dice);
}

const show = (lines: readonly string[]) => JSON.stringify(lines.map((line) => line.slice(0, 100)));

/** `s`: surplus. */
function orderBreach(lines: readonly string[]): string | undefined {
  const kinds = lines.map((line) => line.slice(0, 1)).join("");
  return /^i*(?:h(?:d?(?:es?|f)?)?|f)?$/.test(kinds) ? undefined : `3: events out of order: ${show(lines)}`;
}

function lengthBreach(lines: readonly string[]): string | undefined {
  const head = lines.find((line) => line.startsWith("head "));
  const announced = /length=(\d+) (?:keep|close)/.exec(head ?? "")?.[1];
  const content = lines.find((line) => line.startsWith("data "));
  if (announced === undefined || content === undefined) return undefined;
  const length = Number(content.split(" ", 2)[1]);
  const ended = lines.some((line) => /^end\b/.test(line));
  if (length > Number(announced) || (ended && length < Number(announced))) return `4: ${length} of ${announced} bytes`;
  return undefined;
}

/** What was told and what is surplus are parts of the wire that do not overlap. */
function surplusBreach(lines: readonly string[], wire: string): string | undefined {
  const surplus = Number(/^surplus (\d+)$/.exec(lines.at(-1) ?? "")?.[1] ?? 0);
  const content = lines.find((line) => line.startsWith("data "));
  const told = content === undefined ? 0 : Number(content.split(" ", 2)[1]);
  return told + surplus <= wire.length ? undefined : `5: ${told} bytes told and ${surplus} left of ${wire.length}`;
}

function heldBreach(wire: string, method: string, dice: Dice): string | undefined {
  const connection = new ClientConnection(FUZZ_LIMITS);
  connection.expect(method);
  const pieces = packets(wire, randomCuts(dice.below(1 << 30), 5));
  for (const packet of pieces) {
    connection.receive(packet);
    let event = connection.next();
    while (event === "interim") event = connection.next();
    if (event === "failed") return connection.bufferedBytes === 0 ? undefined : "6: bytes are held after a failure";
    if (event !== "need-data") return undefined;
    const bound = FUZZ_LIMITS.headBytesMax + packet.length;
    if (connection.bufferedBytes > bound) return `6: ${connection.bufferedBytes} bytes are held, ${bound} may be`;
  }
  return undefined;
}
