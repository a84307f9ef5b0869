/** Which server and which connection a request goes to, when those it was meant for fail. */
import { describe, expect, test } from "bun:test";
import type { FakeRequest } from "../support/exchange.ts";
import { answering, OK, once, rig, startScripted, sweepFast, type Visit } from "../support/scripted-upstream.ts";

const POST: FakeRequest = { method: "POST", body: [Buffer.from("data")] };

describe("another connection", () => {
  /** A port where nobody listens. */
  function deadPort(): number {
    const server = startScripted(() => {});
    server.stop();
    return server.port;
  }

  test("a server that cannot be connected is passed over, whatever the method", async () => {
    for (const method of ["GET", "POST"]) {
      const server = startScripted(answering(OK));
      const { ask } = rig([deadPort(), server.port]);
      for (let i = 0; i < 4; i++) expect((await ask({ method })).reply.status).toBe(200);
      server.stop();
    }
  });

  test("none that can be connected is a 502", async () => {
    const { ask } = rig([deadPort(), deadPort()]);
    expect((await ask()).reply.status).toBe(502);
    expect((await ask()).reply.status).toBe(502);
  });

  test("GET goes to the next server when one closes without an answer, POST does not", async () => {
    const bad = startScripted(once((visit) => visit.wire.close()));
    const good = startScripted(answering(OK));
    expect((await rig([bad.port, good.port]).ask()).reply.status).toBe(200);
    expect(good.visits).toHaveLength(1);
    expect((await rig([bad.port, good.port]).ask(POST)).reply.status).toBe(502);
    expect(good.visits).toHaveLength(1);
    bad.stop();
    good.stop();
  });

  /** Answers the first request of each connection and closes at the second. */
  const forgetful = (visit: Visit) => {
    if (visit.heads === 1) visit.send(OK);
    else visit.wire.close();
  };

  test("GET is sent once more when its idle connection turns out to be closed", async () => {
    const server = startScripted(forgetful);
    const { ask } = rig([server.port]);
    expect((await ask()).reply.text).toBe("ok");
    expect((await ask()).reply.text).toBe("ok");
    expect(server.visits).toHaveLength(2);
    server.stop();
  });

  test("POST is never sent twice: its bytes may have had their effect", async () => {
    const server = startScripted(forgetful);
    const { ask } = rig([server.port]);
    await ask();
    expect((await ask(POST)).reply.status).toBe(502);
    expect(server.visits).toHaveLength(1);
    server.stop();
  });

  test("a server that fails is left alone for a while", async () => {
    const bad = startScripted(once((visit) => visit.wire.close()));
    const good = startScripted(answering(OK));
    const { ask } = rig([bad.port, good.port]);
    for (let i = 0; i < 10; i++) expect((await ask()).reply.status).toBe(200);
    expect(bad.visits).toHaveLength(1);
    bad.stop();
    good.stop();
  });

  test("a server that takes connections and never answers is a 504, and no second server gets the request", async () => {
    const bad = startScripted(() => {});
    const good = startScripted(answering(OK));
    const made = rig([bad.port, good.port]);
    const sweep = sweepFast(made);
    expect((await made.ask()).reply.status).toBe(504);
    expect(good.visits).toHaveLength(0);
    clearInterval(sweep);
    bad.stop();
    good.stop();
  });
});
