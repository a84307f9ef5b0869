/** A bench that is told to end leaves no process and no folder behind. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolder, ROOT } from "../support/folder.ts";

const folder = makeFolder("break-off");
afterAll(() => removeFolder(folder));

const BENCH = `
import { mkdirSync } from "node:fs";
import { takenBack, watchSignals } from "${ROOT}/scripts/bench/break-off.ts";
import { Program } from "${ROOT}/scripts/bench/peers/program.ts";
import { removeFolder } from "${ROOT}/test/support/folder.ts";

const own = process.argv[2] as string;
mkdirSync(own);
takenBack(() => removeFolder(own));
// What fails, or was done already, keeps nothing else from being done.
takenBack(() => {
  new Program("late", ["sleep", "60"], { folder: own });
});
const done = takenBack(() => console.log("once"));
await done();
const program = new Program("sleep", ["sleep", "60"], { folder: own });
watchSignals();
console.log(program.pid);
setInterval(() => {}, 1_000);
`;

test.each(["SIGINT", "SIGTERM"] as const)("by %s", async (signal) => {
  const script = join(folder, "bench.ts");
  writeFileSync(script, BENCH);
  const own = join(folder, signal);
  const child = Bun.spawn([process.execPath, script, own], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let said = "";
  for await (const piece of child.stdout) {
    said += new TextDecoder().decode(piece);
    if (/\d+\n$/.test(said)) child.kill(signal);
  }
  const pid = /\d+/.exec(said)?.[0] ?? "";
  expect(await child.exited).toBe(130);
  expect(said).toBe(`once\n${pid}\n`);
  expect(await new Response(child.stderr).text()).toBe("bench: Error: the bench is being stopped\n");
  expect([existsSync(own), existsSync(`/proc/${pid}`)]).toEqual([false, false]);
});
