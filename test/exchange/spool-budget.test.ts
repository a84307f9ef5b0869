/** The bound on what all spools hold together, by the spools that keep to it. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReplySpool } from "../../src/exchange/reply-spool.ts";
import { SpoolBudget } from "../../src/exchange/spool-budget.ts";
import { collectBody, type SpooledBody } from "../../src/exchange/spool.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange } from "../support/exchange.ts";
import { reply } from "../support/http1-stage.ts";

const KIB = 1024;
const directory = mkdtempSync(join(tmpdir(), "server-budget-"));
afterAll(() => rmSync(directory, { recursive: true }));

function budgetOf(memoryBytesMax: number, diskBytesMax: number) {
  const refusals: string[] = [];
  const budget = new SpoolBudget({ memoryBytesMax, diskBytesMax, refused: (what) => refusals.push(what) });
  return { budget, refusals, held: () => [budget.memoryBytes, budget.diskBytes] };
}

function collect(budget: SpoolBudget, chunks: readonly Uint8Array[], failure?: "aborted"): SpooledBody | string {
  const { exchange } = fakeExchange({ body: chunks, ...(failure && { bodyFailure: failure }) });
  let outcome: SpooledBody | string = "nothing";
  collectBody(
    exchange,
    { temporaryDirectory: directory, budget },
    {
      collected: (body) => (outcome = body),
      failed: (why, detail) => (outcome = detail === undefined ? why : `${why}: ${detail}`),
    },
  );
  return outcome;
}

const chunk = (size: number) => Buffer.alloc(size, "x");
const bytesOf = (body: SpooledBody | string) => {
  if (typeof body === "string") throw new Error(body);
  const into = Buffer.alloc(body.length);
  body.read(0, into);
  return into;
};

describe("request bodies", () => {
  test("are in memory while there is some, then in files at once, and give back what they took", () => {
    const { budget, refusals, held } = budgetOf(20 * KIB, 1024 * KIB);
    const bodies = [1, 2, 3].map(() => collect(budget, [chunk(8 * KIB)]));
    expect(held()).toEqual([16 * KIB, 8 * KIB]);
    expect(refusals).toEqual(["memory"]);
    for (const body of bodies) expect(bytesOf(body).equals(chunk(8 * KIB))).toBe(true);
    for (const body of bodies) if (typeof body !== "string") for (let i = 0; i < 2; i++) body.close();
    expect(held()).toEqual([0, 0]);
    expect(openBelow(directory)).toBe(0);
  });

  test("that find neither memory nor file space fail, and leave nothing behind", () => {
    const { budget, refusals, held } = budgetOf(0, 10 * KIB);
    expect(collect(budget, [chunk(8 * KIB), chunk(8 * KIB)])).toBe("storage: request body: spool_disk is used up");
    expect(refusals).toEqual(["memory", "disk"]);
    expect(held()).toEqual([0, 0]);
    expect(openBelow(directory)).toBe(0);
  });

  test("whose client leaves give back what they took", () => {
    const { budget, held } = budgetOf(64 * KIB, 1024 * KIB);
    expect(collect(budget, [chunk(8 * KIB)], "aborted")).toBe("aborted");
    expect(collect(budget, [chunk(80 * KIB)], "aborted")).toBe("aborted");
    expect(held()).toEqual([0, 0]);
    expect(openBelow(directory)).toBe(0);
  });

  test("that grow out of their memory give it back for the file", () => {
    const { budget, held } = budgetOf(1024 * KIB, 1024 * KIB);
    const pieces = Array.from({ length: 30 }, () => chunk(4 * KIB));
    const { exchange } = fakeExchange({ body: pieces, bodyLength: LENGTH_UNKNOWN });
    let body: SpooledBody | undefined;
    collectBody(
      exchange,
      { temporaryDirectory: directory, budget },
      { collected: (b) => (body = b), failed: () => {} },
    );
    expect(held()).toEqual([0, 120 * KIB]);
    body?.close();
    expect(held()).toEqual([0, 0]);
  });
});

describe("replies", () => {
  function spool(budget: SpoolBudget) {
    const { exchange, reply: recorded } = fakeExchange();
    const told: string[] = [];
    const source = {
      pause: () => told.push("pause"),
      resume: () => told.push("resume"),
      gone: () => told.push("gone"),
    };
    const made = new ReplySpool(exchange.reply, { temporaryDirectory: directory, budget }, source);
    made.start(reply(LENGTH_UNKNOWN));
    recorded.full = true;
    made.data(chunk(1));
    return { made, recorded, told };
  }

  test("go to a file when there is no memory, and give the file back as it is taken", () => {
    const { budget, held } = budgetOf(10 * KIB, 1024 * KIB);
    const { made, recorded, told } = spool(budget);
    for (let i = 0; i < 4; i++) made.data(chunk(8 * KIB));
    expect(held()).toEqual([8 * KIB, 24 * KIB]);
    made.end();
    recorded.drain();
    expect(recorded.content.length).toBe(32 * KIB + 1);
    expect(held()).toEqual([0, 0]);
    expect(told).toEqual([]);
  });

  test("hold their source back when there is neither, and lose no byte", () => {
    const { budget, held, refusals } = budgetOf(10 * KIB, 0);
    const { made, recorded, told } = spool(budget);
    made.data(chunk(8 * KIB));
    made.data(chunk(8 * KIB));
    expect(told).toEqual(["pause"]);
    expect(refusals).toContain("disk");
    made.data(chunk(8 * KIB));
    recorded.drain();
    expect(told).toEqual(["pause", "resume"]);
    made.end();
    expect(recorded.content.length).toBe(24 * KIB + 1);
    expect(held()).toEqual([0, 0]);
  });

  test("whose client leaves give back all", () => {
    const { budget, held } = budgetOf(10 * KIB, 20 * KIB);
    const { made, recorded } = spool(budget);
    for (let i = 0; i < 6; i++) made.data(chunk(8 * KIB));
    recorded.leave();
    expect(held()).toEqual([0, 0]);
    expect(openBelow(directory)).toBe(0);
  });
});
