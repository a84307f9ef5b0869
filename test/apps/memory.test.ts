import { expect, test } from "bun:test";
import { proportionalBytes, residentBytes } from "../../src/apps/memory.ts";
import { until } from "../support/wait.ts";
import { PYTHON } from "./rig.ts";

const MIB = 1024 * 1024;

test("memory that a process fills is seen, in both counts", async () => {
  const code = "import sys; block = bytearray(b'x') * (64 << 20); print('full', flush=True); sys.stdin.read()";
  const child = Bun.spawn([PYTHON, "-c", code], { stdin: "pipe", stdout: "pipe" });
  try {
    await child.stdout.getReader().read();
    const resident = residentBytes(child.pid) as number;
    expect(resident).toBeGreaterThan(64 * MIB);
    expect(resident).toBeLessThan(128 * MIB);
    expect(proportionalBytes(child.pid)).toBeGreaterThan(64 * MIB);
    expect(proportionalBytes(child.pid)).toBeLessThanOrEqual(resident);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
  await until("nothing of a process that is gone", 5_000, () => residentBytes(child.pid) === undefined);
  expect(proportionalBytes(child.pid)).toBeUndefined();
});
