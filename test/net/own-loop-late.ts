/** A process whose loop is ours, for own-loop.test.ts: sets timers of 30 ms when its turn has lasted for 60, and prints how long the slowest took. */
import { listen } from "../../src/net/listen.ts";
import { takeLoop } from "../../src/net/own-loop.ts";
import { listenTcp } from "../../src/os/sockets.ts";

const loop = takeLoop();
const { fds } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
const owner = { received() {}, drained() {}, ended() {}, closed() {} };
listen({ fd: fds[0] as number, unix: false, accept: () => owner }); // one was asked for
await loop;

function late(): Promise<number> {
  return new Promise((resolve) => {
    setImmediate(() => {
      const endMs = performance.now() + 60;
      while (performance.now() < endMs);
      const startedMs = performance.now();
      setTimeout(() => resolve(performance.now() - startedMs), 30);
    });
  });
}

// Now and then Bun has something to do by chance, and looks at its timers.
const took: number[] = [];
for (let i = 0; i < 6; i++) took.push(await late());
console.log(Math.max(...took));
process.exit(0);
