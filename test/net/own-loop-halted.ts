/** A process whose loop is ours, for own-loop.test.ts: its thread stands still for a moment whenever it sets a timer, as when the kernel
 *  gives the processor to somebody else. Prints how late the latest timer of 10 ms was. Nothing else happens there that would wake the loop. */
import { listen } from "../../src/net/listen.ts";
import { takeLoop } from "../../src/net/own-loop.ts";
import { listenTcp } from "../../src/os/sockets.ts";

const DELAY_MS = 10;
const HALT_MS = 6;

function halt(): void {
  const untilMs = performance.now() + HALT_MS;
  while (performance.now() < untilMs);
}

const { setTimeout: later } = globalThis;
const halting = (callback: () => void, delayMs: number) => {
  halt();
  return later(callback, delayMs);
};
Object.assign(globalThis, { setTimeout: halting });

const loop = takeLoop();
const { fds } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
const owner = { received() {}, drained() {}, ended() {}, closed() {} };
listen({ fd: fds[0] as number, unix: false, accept: () => owner }); // one was asked for
await loop;

function lateBy(): Promise<number> {
  return new Promise((resolve) => {
    setImmediate(() => {
      const startedMs = performance.now();
      setTimeout(() => resolve(performance.now() - startedMs - HALT_MS - DELAY_MS), DELAY_MS);
    });
  });
}

let worst = 0;
for (let i = 0; i < 20; i++) worst = Math.max(worst, await lateBy());
console.log(worst);
process.exit(0);
