import { expect, test } from "bun:test";
import { hasEnded, processState } from "../../src/os/process-state.ts";
import { lives } from "../support/processes.ts";
import { until } from "../support/wait.ts";

/** Its first thread ends at once, another when the input does. */
const HEADLESS = `
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
ctypes.CDLL(None).pthread_exit(None)
`;

test("a process whose first thread is dead has not ended before the last one has", async () => {
  // A parent that does not ask how it ended: it stays in the table.
  const parent = Bun.spawn(["sh", "-c", `exec 3<&0; python3 -c "$0" <&3 & echo $!; exec sleep 60 <&-`, HEADLESS], {
    stdin: "pipe",
    stdout: "pipe",
  });
  try {
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    await until("the end of its first thread", 10_000, () => processState(pid)?.letter === "Z");
    expect([hasEnded(pid), lives(pid)]).toEqual([false, true]);
    await parent.stdin.end();
    await until("its end", 10_000, () => hasEnded(pid));
    expect([processState(pid)?.letter, lives(pid)]).toEqual(["Z", false]);
  } finally {
    parent.kill("SIGKILL");
    await parent.exited;
  }
});

test("one that runs, and one that is not there, are none of the dead in the table", () => {
  expect([hasEnded(process.pid), hasEnded(4_194_304)]).toEqual([false, false]);
});
