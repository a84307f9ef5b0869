/** The Python side of a loan (apps/python/loan.py): who writes what to the client. loan-stage.py plays the front, a real client is at the
 *  other end of a TCP connection. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { otherPythons, PYTHON } from "./rig.ts";

const FILES = join(import.meta.dir, "../../src/apps/python");
const BLOCK = 65536;
/** Header and end of a chunk of one block. */
const CHUNK = BLOCK + "10000\r\n\r\n".length;
/** Of sockets in the end: that of the client, and that of the front. */
const DESCRIPTORS = 2;

interface Frame {
  readonly kind: string;
  readonly flags: number;
  readonly data: number;
  readonly content?: number;
  readonly written?: number;
  readonly rest?: string;
}

interface Outcome {
  readonly came: readonly Frame[];
  readonly got: number;
  readonly chunks: readonly number[] | null;
  readonly state: string;
  readonly descriptors: number;
}

describe.each([PYTHON, ...otherPythons()])("%s", (python) => {
  function play(name: string): Outcome & { readonly said: string } {
    const run = Bun.spawnSync([python, join(import.meta.dir, "loan-stage.py"), FILES, name], { timeout: 30_000 });
    const said = run.stderr.toString();
    try {
      return { ...(JSON.parse(run.stdout.toString()) as Outcome), said };
    } catch {
      throw new Error(`${name}: ${said}`);
    }
  }

  /** `DATA 65536`, `REPLY 65536 asks`, `DATA 0 ends`, `RETURN 131072/131090 ends`. */
  function frames({ came }: Outcome): string[] {
    return came.map(({ kind, flags, data, content, written }) => {
      const size = kind === "RETURN" ? `${content}/${written}` : `${data}`;
      return `${kind} ${size}${(flags & 1) !== 0 ? " ends" : ""}${(flags & 2) !== 0 ? " asks" : ""}`;
    });
  }

  const data = `DATA ${BLOCK}`;
  const begun = [`REPLY ${BLOCK}`, data];
  const asks = [...begun, `${data} asks`];
  const asksAtOnce = `REPLY ${BLOCK} asks`;
  const two = [2 * BLOCK, 2 * BLOCK];
  const cases: readonly (readonly [name: string, frames: string[], client: Partial<Outcome>])[] = [
    ["chunks", [...asks, `RETURN ${3 * BLOCK}/${3 * CHUNK} ends`], { chunks: [BLOCK, BLOCK, BLOCK] }],
    ["large", [...asks, `RETURN ${5 * BLOCK}/${5 * BLOCK + 27} ends`], { chunks: [...two, BLOCK] }],
    ["split", [asksAtOnce, `RETURN ${10 * BLOCK}/${10 * BLOCK + 54} ends`], { chunks: [...two, ...two, BLOCK, BLOCK] }],
    ["whole_split", [asksAtOnce, `RETURN ${9 * BLOCK}/${9 * BLOCK} ends`], { got: 9 * BLOCK }],
    ["split_refused", [asksAtOnce, `DATA ${9 * BLOCK} ends`], { got: 0 }],
    ["length", [asksAtOnce, `RETURN ${7 * BLOCK}/${7 * BLOCK} ends`], { got: 7 * BLOCK }],
    ["short_length", [`REPLY ${BLOCK}`, data, data, `${data} ends`], { got: 0 }],
    ["too_long", [asksAtOnce, `RETURN ${7 * BLOCK}/${7 * BLOCK} ends`], { got: 7 * BLOCK }],
    ["too_short", [asksAtOnce, "ABORT 0"], { got: 6 * BLOCK }],
    ["refused", [...asks, data, data, "DATA 0 ends"], { got: 0 }],
    ["not_lent", [...begun, data, data, data, "DATA 0 ends"], { got: 0 }],
    ["few", [...begun, "DATA 0 ends"], { got: 0 }],
    ["small", ["REPLY 30000", ...Array.from({ length: 7 }, () => "DATA 30000"), "DATA 0 ends"], { got: 0 }],
    ["whole", [`REPLY ${BLOCK} ends`], { got: 0 }],
    ["mixed", [...asks, `RETURN ${BLOCK}/${CHUNK}`, "DATA 5", data, data, "DATA 0 ends"], { chunks: [BLOCK] }],
    ["without_descriptor", [...asks, "RETURN 0/0", data, data, "DATA 0 ends"], { got: 0 }],
    ["handler_raises", [...asks, "ABORT 0"], { state: "left", chunks: [BLOCK] }],
    ["leaves_while_read", [`REPLY ${BLOCK}`, "PULL 10", "ABORT 0"], { state: "left", got: 0 }],
    ["cancelled", [...asks, "ABORT 0"], { state: "left", got: 0 }],
    ["closed", asks, { state: "left", got: 0 }],
    ["breaks", [...asks, "ABORT 0"], { chunks: [BLOCK] }],
    ["cut", [...asks, "ABORT 0"], { state: "left" }],
    ["closes", [...asks, `RETURN ${2 * BLOCK}/${CHUNK}`, data, "DATA 0 ends"], { chunks: [BLOCK] }],
    ["forks", [...asks, `RETURN ${2 * BLOCK}/${2 * CHUNK} ends`], { chunks: [BLOCK, BLOCK] }],
  ];
  test.each(cases)("%s", (name, expected, client) => {
    const outcome = play(name);
    expect(frames(outcome)).toEqual(expected);
    expect(outcome).toMatchObject({ state: "over", ...client, descriptors: DESCRIPTORS });
  });

  test("what was refused is asked for again, a mebibyte later", () => {
    const outcome = play("asked_again");
    const told = frames(outcome);
    expect(told.slice(0, 4)).toEqual([...asks, data]);
    expect(told.slice(-2)).toEqual([`${data} asks`, `RETURN ${2 * BLOCK}/${2 * CHUNK} ends`]);
    expect(told.filter((frame) => frame === data).length).toBe(1 + 16);
    expect(outcome.chunks).toEqual([BLOCK, BLOCK]);
  });

  test.each([
    ["later where it was not worth it, and earlier where it was", "learns", [3, -3, -3, 5, 3, 2, 1, 1]],
    ["after a mebibyte at the latest", "learns_no_further", [3, 5, 9, 17, 17, 17]],
  ])("it is asked for %s", (_, name, expected) => {
    const replies = frames(play(name))
      .join("\n")
      .split(/(?= ends)/);
    const before = replies.slice(0, -1).map((reply) => {
      const blocks = reply.split("\n").filter((frame) => /^(REPLY|DATA) 6/.test(frame));
      return reply.includes("asks") ? blocks.length : -blocks.length;
    });
    expect(before).toEqual(expected);
  });

  test.each(["slow", "timed_slow"])(
    "a client that takes nothing is given back with what is left of the piece (%s)",
    (name) => {
      const outcome = play(name);
      const [back, ...others] = outcome.came.slice(3);
      expect([back?.kind, outcome.state]).toEqual(["RETURN", "over"]);
      const { content = 0, written = 0, rest = "" } = back ?? {};
      expect(written + rest.length / 2).toBe((content / BLOCK) * CHUNK);
      expect(rest).toEndWith("0d0a");
      expect(rest.length / 2).toBeGreaterThan(2);
      const later = others.reduce((sum, frame) => sum + (frame.kind === "DATA" ? frame.data : 0), 0);
      expect(3 * BLOCK + content + later).toBe(400 * BLOCK);
    },
  );

  test("a connection that the front has shut down is given back at once, though its client stays", () => {
    const [back] = play("shut").came.slice(3);
    expect([back?.kind, (back?.rest ?? "").length > 0]).toEqual(["RETURN", true]);
  });

  test("a client that is gone is given back as one that takes nothing: that is for the front to find out", () => {
    const outcome = play("leaves");
    expect(frames(outcome).slice(0, 4)).toEqual([...asks, `RETURN ${2 * BLOCK}/${CHUNK}`]);
    expect(outcome.came[3]?.rest?.length).toBe(2 * CHUNK);
    expect(outcome.said).toBe("");
  });
});
