import { expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { type ReloadParts, Reloads } from "../../src/master/reload.ts";

test("a reload that breaks off is told, and the next one is tried", async () => {
  let reads = 0;
  const parts = {
    log: SILENT,
    holdings: () => ({ config: {} }),
    read: () => {
      if (reads++ === 0) throw new Error("a bug");
      return { config: undefined, problems: [{ severity: "error", message: "wrong", file: "a", line: 1, column: 1 }] };
    },
    listeners: { describe: () => [], lost: [] },
    privateListeners: { lost: [] },
    systemd: { reloading: () => {}, ready: () => {} },
    ended: () => false,
  } as unknown as ReloadParts;
  const reloads = new Reloads(parts);
  expect(await reloads.reload("one", () => {})).toMatchObject({ ok: false, problems: ["unexpected error: a bug"] });
  expect(await reloads.reload("two", () => {})).toMatchObject({ ok: false });
  expect(reads).toBe(2);
});
