/**
 * The whole session under the fuzzer, on a wire in memory, with handlers of every kind. What must hold for any bytes:
 *
 *   1. nothing throws, no assertion is logged as a bug
 *   2. replies and the end of the connection are the same however the bytes are cut and however slowly they are read
 *   3. every reply is well-formed, and answers its own request with its own content, in order (the oracle knows them)
 *   4. good requests are answered
 *   5. after a reply that says close, or that refuses, nothing more is answered and the connection does not stay open
 *   6. each reply is recorded once, and no request has two
 *   7. what is held is bounded, and when everybody is done nobody is left paused
 */
import { makeLog } from "../../src/base/log.ts";
import { RECEIVE_BYTES_MAX } from "../../src/front/options.ts";
import { type Cut, packets, whole } from "../support/http1.ts";
import { stage, type Stage } from "../support/http1-stage.ts";
import type { MemoryWire } from "../support/memory-wire.ts";
import { readMethods, type Reading, readRequests } from "./oracle.ts";
import { type ReadReply, readReplies } from "./replies.ts";
import type { Drawn, FuzzTarget } from "./run.ts";
import { cuts, FUZZ_LIMITS } from "./server-target.ts";
import { echoes, greeting, type Later, makeFuzzHandler } from "./session-handlers.ts";
import { type Dice, requestWire } from "./wires.ts";

/** A stage, or one that is broken on purpose. */
export type MakeStage = typeof stage;

export function makeSessionTarget(make: MakeStage): FuzzTarget {
  return { name: "session", draw: requestWire, judge: (drawn, dice) => judge(make, drawn, dice) };
}

interface Driving {
  readonly cut: Cut;
  readonly ends: boolean;
  /** Bytes that the client reads at a time; 0 for all. */
  readonly gulp: number;
}

interface Outcome {
  readonly output: string;
  readonly state: MemoryWire["state"];
  readonly records: readonly string[];
  readonly breach: string | undefined;
}

async function judge(make: MakeStage, { wire, sound }: Drawn, dice: Dice): Promise<string | undefined> {
  const ends = dice.oneIn(3);
  const seen = await drive(make, wire, { cut: whole, ends, gulp: 0 });
  const readings = readRequests(wire);
  const methods = readMethods(wire);
  const wrong = seen.breach ?? outcomeBreach(seen, methods, readings, sound);
  if (wrong !== undefined) return wrong;
  const first = summary(seen, methods);
  for (const [label, cut] of cuts(dice, wire.length)) {
    const other = await drive(make, wire, { cut, ends, gulp: dice.oneIn(2) ? 0 : 1 + dice.below(3000) });
    const breach = other.breach ?? recordBreach(other, methods);
    if (breach !== undefined) return `${breach} (${label})`;
    const second = summary(other, methods);
    if (first !== second) return `2: whole gives ${first.slice(0, 1500)}, ${label} gives ${second.slice(0, 1500)}`;
  }
  return undefined;
}

const SETTLING_TURNS_MAX = 20_000;

class Driver {
  readonly stage: Stage;
  readonly bugs: string[] = [];
  breach: string | undefined = undefined;
  private readonly later: Later = [];
  private readonly driving: Driving;

  constructor(make: MakeStage, driving: Driving) {
    this.driving = driving;
    const log = makeLog("fuzz", "crit", (line) => void this.bugs.push(line));
    this.stage = make(makeFuzzHandler(this.later), { headLimits: FUZZ_LIMITS, log });
    this.stage.wire.room = driving.gulp === 0 ? Number.POSITIVE_INFINITY : driving.gulp;
  }

  send(packet: Buffer): void {
    const { wire } = this.stage;
    if (wire.paused) this.breach ??= "7: receiving is paused and nobody is busy";
    wire.send(packet);
    this.settle();
    const held = this.stage.session["connection"].bufferedBytes;
    if (held > RECEIVE_BYTES_MAX + packet.length) this.breach ??= `7: ${held} bytes are held`;
  }

  /** The client reads what there is, and work that waits is done, until nothing moves. */
  settle(): void {
    const { wire } = this.stage;
    for (let turn = 0; turn < SETTLING_TURNS_MAX; turn++) {
      const work = this.later.shift();
      if (work !== undefined) work();
      else if (wire.room === 0) wire.drain(this.driving.gulp);
      else return;
    }
    this.breach ??= "7: it does not settle";
  }
}

async function drive(make: MakeStage, text: string, driving: Driving): Promise<Outcome> {
  const driver = new Driver(make, driving);
  const { wire, records } = driver.stage;
  for (const packet of packets(text, driving.cut)) if (wire.state === "open") driver.send(packet);
  await settled(driver);
  if (driving.ends && wire.state !== "closed" && wire.state !== "aborted") wire.halfClose();
  await settled(driver);
  const breach = driver.bugs.length > 0 ? `1: ${driver.bugs.join("; ")}` : driver.breach;
  return { output: wire.output, state: wire.state, records, breach };
}

/** Further turns of a session come with setImmediate. */
async function settled(driver: Driver): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    driver.settle();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  driver.settle();
}

function replies({ output, state }: Outcome, methods: readonly string[]): ReadReply[] {
  const ended = state === "open" || state === "aborted" ? state : "ended";
  return readReplies(output, methods, ended);
}

/** A reply that was cut off was cut where it happened to be: also behind the head of a reply to HEAD. */
function summary(outcome: Outcome, methods: readonly string[]): string {
  const read = replies(outcome, methods);
  const cutAt = outcome.state === "aborted" ? read.length - 1 : read.length;
  const lines = read.map((reply, i) =>
    reply.complete && i < cutAt ? `${reply.status} ${reply.closes} ${JSON.stringify(reply.content)}` : "cut",
  );
  return [...lines, outcome.state].join(" | ");
}

/** Has the last reply been begun and not ended? Of one to HEAD the wire does not tell. */
function isUnderWay({ state }: Outcome, read: readonly ReadReply[], methods: readonly string[]): boolean {
  const last = read.at(-1);
  return state === "open" && last !== undefined && (!last.complete || methods[read.length - 1] === "HEAD");
}

function recordBreach(outcome: Outcome, methods: readonly string[]): string | undefined {
  const read = replies(outcome, methods);
  if (outcome.records.length === read.length) return undefined;
  const answered = read.length - (isUnderWay(outcome, read, methods) ? 1 : 0);
  if (outcome.records.length === answered) return undefined;
  // An exchange that was waiting when its client half-closed and left, or whose reply was never begun.
  const unanswered = outcome.records.filter((record) => record.startsWith("499 ")).length;
  const agree = outcome.records.length - unanswered === answered;
  return agree ? undefined : `6: ${answered} replies, recorded as ${outcome.records.join(", ")}`;
}

function outcomeBreach(
  outcome: Outcome,
  methods: readonly string[],
  readings: readonly Reading[],
  sound: number,
): string | undefined {
  const seen = replies(outcome, methods);
  for (const [i, reply] of seen.entries()) {
    const breach = replyBreach(reply, readings[i]) ?? (i + 1 < seen.length ? lastBreach(reply) : undefined);
    if (breach !== undefined)
      return `${breach}: reply ${i} is ${JSON.stringify(reply)}, ${JSON.stringify(readings[i])}`;
  }
  if (readings.at(-1)?.complete === false && seen.length > readings.length)
    return "6: a request whose content breaks off has two replies";
  const last = seen.at(-1);
  if (last?.closes === true && outcome.state === "open" && !isUnderWay(outcome, seen, methods))
    return "5: it said close and stays open";
  const answered = seen.filter(({ status }) => status === 200 || status === 413 || status === 417).length;
  const wanted = Math.min(sound, readings.length);
  if (answered < wanted && last?.closes !== true) return `4: of ${wanted} good requests ${answered} are answered`;
  return recordBreach(outcome, methods);
}

function lastBreach(reply: ReadReply): string | undefined {
  if (reply.closes) return "5: another reply follows one that said close";
  return reply.complete ? undefined : "3: another reply follows one that is not complete";
}

function replyBreach(reply: ReadReply, reading: Reading | undefined): string | undefined {
  if (reply.status >= 400) return reply.status === 417 || reply.closes ? undefined : refusalStays(reply, reading);
  if (reading === undefined) return "3: a reply to no request";
  if (reading.method === "HEAD") return undefined;
  const greeted = greeting(reading.method, reading.target);
  const wanted = greeted + (echoes(reading.target) ? reading.content : "");
  if (reply.complete) return reply.content === wanted ? undefined : "3: not the answer to this request";
  return wanted.startsWith(reply.content) ? undefined : "3: not the beginning of the answer to this request";
}

/** Only a request whose end is known may be refused and the connection kept. */
function refusalStays(reply: ReadReply, reading: Reading | undefined): string | undefined {
  return reading !== undefined ? undefined : `5: a refusal (${reply.status}) does not close`;
}
