/** A thread with a loop of its own, for own-loop.test.ts: does what it is asked for by name, and tells how it went. */
import { connect } from "../../src/net/connect.ts";
import { listen } from "../../src/net/listen.ts";
import { takeLoop } from "../../src/net/own-loop.ts";
import { closeDescriptor, duplicate, listenTcp } from "../../src/os/sockets.ts";

declare const self: Worker;

const loop = takeLoop();

const silent = { received() {}, drained() {}, ended() {}, closed() {} };

/** A listener, so that the loop has something to wait for. */
const { fds } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
const listener = listen({ fd: duplicate(fds[0] as number), unix: false, accept: () => silent }); // one was asked for

type Task = () => unknown;

const TASKS: Readonly<Record<string, Task>> = {
  timeout: () => elapsed((done) => setTimeout(done, 30)),
  interval: async () => {
    let rings = 0;
    return elapsed((done) => {
      const timer = setInterval(() => {
        if (++rings < 3) return;
        clearInterval(timer);
        done();
      }, 20);
    });
  },
  arguments: () => new Promise((resolve) => setTimeout((a: string, b: string) => resolve(a + b), 1, "a", "b")),
  immediate: () => new Promise((resolve) => setImmediate((word: string) => resolve(word), "soon")),
  promises: async () => {
    await Promise.resolve();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    return "done";
  },
  file: () =>
    Bun.file(import.meta.path)
      .text()
      .then((text) => text.length > 100),
  refused: async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const owner = { ...silent, connected: () => resolve("connected"), failed: resolve };
    connect({ kind: "tcp", host: "127.0.0.1", port: 1 }, owner);
    return (await promise).replace(/^.*: /, "");
  },
  /** CPU that a second of nothing costs, in milliseconds. */
  idle: async () => {
    await loop;
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  },
  end: () => {
    listener.stop();
    closeDescriptor(fds[0] as number); // as above
    return "ended";
  },
};

function elapsed(wait: (done: () => void) => void): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve) => wait(() => resolve(performance.now() - startedMs)));
}

self.onmessage = async ({ data }: MessageEvent<string>) => {
  postMessage({ task: data, result: await TASKS[data]?.() });
};
