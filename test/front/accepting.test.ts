/** Listeners that pause while descriptors are short. */
import { expect, test } from "bun:test";
import { Accepting, PAUSE_MS } from "../../src/front/accepting.ts";
import { closeDescriptor, listenTcp } from "../../src/os/sockets.ts";
import { Client } from "../support/wire.ts";
import { until } from "../support/wait.ts";

test("accepting pauses when only the reserve is left, sheds, and goes on; what came meanwhile is served", async () => {
  const { fds, port } = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
  const told: string[] = [];
  let open = 20;
  let accepted = 0;
  const pauses = { othersPaused: false, setPaused: (paused: boolean) => void told.push(`says ${paused}`) };
  const accepting = new Accepting({
    handles: [
      {
        fd: fds[0] as number,
        key: "a",
        unix: false,
        shared: false,
        proxyProtocol: false,
        uwsgi: false,
        tls: undefined,
        app: undefined,
      },
    ],
    secure: () => {
      throw new Error("none of these is encrypted");
    },
    acceptor: () => () => {
      accepted++;
      open++;
      accepting.accepted();
      return { received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} };
    },
    descriptors: { max: 40, open: () => open },
    fronts: 1,
    pauses,
    shedIdle: (count) => told.push(`shed ${count}`),
    paused: (used) => told.push(`paused at ${used}`),
    resumed: () => told.push("resumed"),
  });
  // 40 descriptors, 16 of them the reserve: four more can be accepted.
  accepting.start();
  const clients: Client[] = [];
  try {
    for (let i = 0; i < 6; i++) clients.push(await Client.open({ host: "127.0.0.1", port }));
    await until("the pause", 2000, () => told.includes("paused at 24"));
    await Bun.sleep(4 * PAUSE_MS);
    expect(accepted).toBe(4);
    expect(told).not.toContain("resumed");
    expect(told).toContain("shed 4");
    open = 18;
    await until("the others to be accepted", 2000, () => accepted === 6);
    expect(told.filter((line) => line === "resumed")).toHaveLength(1);
    // Another front has no room, and perhaps no connection of its own to close.
    open = 10;
    told.length = 0;
    accepting.tick();
    expect(told).toEqual([]);
    pauses.othersPaused = true;
    accepting.tick();
    expect(told).toEqual(["shed 16"]);
  } finally {
    for (const client of clients) client.close();
    accepting.stop();
    fds.forEach(closeDescriptor);
  }
});
