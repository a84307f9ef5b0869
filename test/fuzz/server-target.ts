/**
 * The parser of requests under the fuzzer. What must hold for any bytes whatever:
 *
 *   1. nothing throws
 *   2. the events are the same however the bytes are cut into packets
 *   3. events come in order: head, data, end; nothing after `failed`
 *   4. a request that is taken has the method and the content that the oracle reads: no byte of a later request is
 *      in an earlier body, and none is missing
 *   5. good requests are taken
 *   6. no more is held than the larger of the head's and the trailers' bound, and a packet; nothing after `failed`
 */
import { ServerConnection } from "../../src/protocol/http1/connection.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits, TRAILER_BYTES_MAX } from "../../src/protocol/http1/limits.ts";
import { type Cut, everyByte, packets, randomCuts, serverTrace, whole } from "../support/http1.ts";
import { type Reading, readRequests } from "./oracle.ts";
import type { Drawn, FuzzTarget } from "./run.ts";
import { type Dice, requestWire } from "./wires.ts";

/** Small enough to be met often, large enough for good requests. */
export const FUZZ_LIMITS: HeadLimits = {
  ...DEFAULT_HEAD_LIMITS,
  headBytesMax: 2048,
  fieldsMax: 16,
  targetBytesMax: 200,
};

/** Beyond this, byte by byte takes too long to be worth it. */
const BYTE_BY_BYTE_MAX = 4000;

export function cuts(dice: Dice, length: number): (readonly [string, Cut])[] {
  const random = [dice.below(1 << 30), dice.below(1 << 30)].map((seed, i): [string, Cut] => [
    `cut at random by ${seed}`,
    randomCuts(seed, i === 0 ? 3 : 25),
  ]);
  const bytes: [string, Cut][] = length <= BYTE_BY_BYTE_MAX ? [["byte by byte", everyByte]] : [];
  return [...random, ...bytes];
}

/** `trace`: serverTrace, or something that is broken on purpose. */
export function makeServerTarget(trace: typeof serverTrace): FuzzTarget {
  return { name: "server", draw: requestWire, judge: (drawn, dice) => judge(trace, drawn, dice) };
}

function judge(trace: typeof serverTrace, { wire, sound }: Drawn, dice: Dice): string | undefined {
  const ends = dice.oneIn(2);
  const seen = trace(wire, { cut: whole, ends, limits: FUZZ_LIMITS });
  for (const [label, cut] of cuts(dice, wire.length)) {
    const other = trace(wire, { cut, ends, limits: FUZZ_LIMITS });
    if (!same(seen, other)) return `2: whole gives ${show(seen)}, ${label} gives ${show(other)}`;
  }
  return orderBreach(seen) ?? contentBreach(seen, wire, sound) ?? heldBreach(wire, dice);
}

const same = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((line, i) => line === b[i]);
const show = (lines: readonly string[]) => JSON.stringify(lines.map((line) => line.slice(0, 100)));

function orderBreach(lines: readonly string[]): string | undefined {
  const kinds = lines.map((line) => line.slice(0, 1)).join("");
  const inOrder = /^(?:hd?e)*(?:hd?)?f?$/.test(kinds);
  return inOrder ? undefined : `3: events out of order: ${show(lines)}`;
}

interface Taken {
  readonly method: string;
  content: string;
  complete: boolean;
}

function requestsOf(lines: readonly string[]): Taken[] {
  const taken: Taken[] = [];
  for (const line of lines) {
    if (line.startsWith("head ")) taken.push({ method: line.split(" ", 2)[1] ?? "", content: "", complete: false });
    const current = taken.at(-1);
    if (current === undefined) continue;
    if (line.startsWith("data ")) current.content = line.slice(line.indexOf(" ", 5) + 1);
    if (line === "end" || line.startsWith("end ")) current.complete = true;
  }
  return taken;
}

function contentBreach(lines: readonly string[], wire: string, sound: number): string | undefined {
  const taken = requestsOf(lines);
  const readings = readRequests(wire);
  for (const [i, request] of taken.entries()) {
    const reading = readings[i];
    if (reading === undefined || !agree(request, reading)) {
      return `4: request ${i} is ${JSON.stringify(request)}, the oracle reads ${JSON.stringify(reading)}`;
    }
  }
  const wanted = Math.min(sound, readings.length);
  const complete = taken.filter((request) => request.complete).length;
  return complete >= wanted ? undefined : `5: of ${wanted} good requests ${complete} are taken: ${show(lines)}`;
}

function agree(request: Taken, reading: Reading): boolean {
  if (request.method !== reading.method) return false;
  if (request.complete) return reading.complete && request.content === reading.content;
  return reading.content.startsWith(request.content);
}

function heldBreach(wire: string, dice: Dice): string | undefined {
  const connection = new ServerConnection(FUZZ_LIMITS);
  const size = 1 + dice.below(1500);
  const bound = Math.max(FUZZ_LIMITS.headBytesMax, TRAILER_BYTES_MAX) + size;
  const cut: Cut = (length) => Array.from({ length: Math.floor(length / size) }, (_, i) => i * size);
  for (const packet of packets(wire, cut)) {
    connection.receive(packet);
    const last = pull(connection);
    if (last === "paused") return undefined;
    if (connection.bufferedBytes > bound) return `6: ${connection.bufferedBytes} bytes are held, ${bound} may be`;
    if (last === "failed" && connection.bufferedBytes > 0) return `6: bytes are held after a failure`;
  }
  return undefined;
}

function pull(connection: ServerConnection): "need-data" | "failed" | "paused" {
  for (;;) {
    const event = connection.next();
    if (event === "need-data" || event === "failed") return event;
    if (event !== "paused") continue;
    if (!connection.head.persistent) return event;
    connection.nextRequest();
  }
}
