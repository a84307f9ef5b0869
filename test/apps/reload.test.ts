import { expect, test } from "bun:test";
import { ReloadQueue } from "../../src/apps/reload.ts";
import type { ReloadResult } from "../../src/apps/status.ts";

const DONE: ReloadResult = { ok: true, replaced: 1 };
const FAILED: ReloadResult = { ok: false, replaced: 0, traceback: "SyntaxError" };

/** Runs that end when told to. */
class Runs {
  readonly reasons: string[] = [];
  private readonly ends: ((result: ReloadResult) => void)[] = [];
  readonly queue = new ReloadQueue((reason) => {
    this.reasons.push(reason);
    return new Promise((resolve) => this.ends.push(resolve));
  });

  async end(result: ReloadResult): Promise<void> {
    this.ends.shift()?.(result);
    await Bun.sleep(0);
  }
}

test("one that is asked for while one runs waits for its end, and runs then", async () => {
  const runs = new Runs();
  const first = runs.queue.ask("HUP");
  const second = runs.queue.ask("views.py changed");
  expect(runs.reasons).toEqual(["HUP"]);
  await runs.end(FAILED);
  expect(await first).toEqual(FAILED);
  expect(runs.reasons).toEqual(["HUP", "views.py changed"]);
  await runs.end(DONE);
  expect(await second).toEqual(DONE);
});

test("all that come while one runs share the next one", async () => {
  const runs = new Runs();
  void runs.queue.ask("first");
  const joined = ["a", "b", "a"].map((reason) => runs.queue.ask(reason));
  await runs.end(DONE);
  expect(runs.reasons).toEqual(["first", "a, b"]);
  await runs.end(FAILED);
  expect(await Promise.all(joined)).toEqual([FAILED, FAILED, FAILED]);
});

test("one at a time, and none is lost, however they come", async () => {
  const runs = new Runs();
  const asked = [runs.queue.ask("0"), runs.queue.ask("1")];
  await runs.end(DONE);
  asked.push(runs.queue.ask("2"));
  expect(runs.reasons).toEqual(["0", "1"]);
  await runs.end(DONE);
  await runs.end(DONE);
  expect(runs.reasons).toEqual(["0", "1", "2"]);
  expect(await Promise.all(asked)).toEqual([DONE, DONE, DONE]);
  void runs.queue.ask("later");
  expect(runs.reasons.at(-1)).toBe("later");
});
