/** Which server and which connection a request goes to, when those it was meant for fail. */
import { describe, expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import type { FakeRequest } from "../support/exchange.ts";
import { freePort } from "../support/folder.ts";
import { answering, OK, once, rig, startScripted, sweepFast, type Visit } from "../support/scripted-upstream.ts";
import { until } from "../support/wait.ts";

const POST: FakeRequest = { method: "POST", body: [Buffer.from("data")] };

describe("another connection", () => {
  test("a server that cannot be connected is passed over, whatever the method", async () => {
    for (const method of ["GET", "POST"]) {
      const server = startScripted(answering(OK));
      const { ask } = rig([await freePort(), server.port]);
      for (let i = 0; i < 4; i++) expect((await ask({ method })).reply.status).toBe(200);
      server.stop();
    }
  });

  test("none that can be connected is a 502", async () => {
    const { ask } = rig([await freePort(), await freePort()]);
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

  test("a server that never answers: GET goes to the next, POST is a 504 and goes to no second one", async () => {
    const bad = startScripted(() => {});
    const good = startScripted(answering(OK));
    for (const [request, status, visits] of [
      [POST, 504, 0],
      [{}, 200, 1],
    ] as const) {
      const made = rig([bad.port, good.port]);
      const sweep = sweepFast(made);
      expect((await made.ask(request)).reply.status).toBe(status);
      expect(good.visits).toHaveLength(visits);
      clearInterval(sweep);
    }
    bad.stop();
    good.stop();
  });

  test("a status that is to be retried: the next server is asked, and the last one's answer stands", async () => {
    const busy = () => startScripted(answering("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"));
    const [one, other, good] = [busy(), busy(), startScripted(answering(OK))];
    const options = { retryOn: ["error", 503] as const };
    expect((await rig([one.port, other.port, good.port], options).ask()).reply.text).toBe("ok");
    expect((await rig([one.port, other.port], options).ask()).reply.text).toBe("busy");
    const post = rig([one.port, good.port], options);
    expect((await post.ask(POST)).reply.status).toBe(503);
    const unsafe = rig([one.port, good.port], { ...options, retryUnsafe: true });
    expect((await unsafe.ask(POST)).reply.status).toBe(200);
    const few = rig([one.port, other.port, good.port], { ...options, triesMax: 2 });
    expect((await few.ask()).reply.status).toBe(503);
    for (const server of [one, other, good]) server.stop();
  });

  test("a request waits for a server that is not there yet, as long as it may", async () => {
    const port = await freePort();
    const said: string[] = [];
    const { upstream, ask } = rig([port], { waitMs: 5000 }, { ...SILENT, error: (text) => said.push(text) });
    const asked = ask(POST);
    await until("three attempts", 5000, () => (upstream.status().servers[0]?.failures ?? 0) >= 3);
    const server = startScripted(answering(OK), port);
    expect((await asked).reply.status).toBe(200);
    // A line for each attempt would be ten in a second.
    expect(said).toEqual([expect.stringContaining("ECONNREFUSED")]);
    server.stop();
    expect((await rig([await freePort()], { waitMs: 200 }).ask()).reply.status).toBe(502);
  });

  test("a request waits for its turn where a server takes so many at a time, or is a 503", async () => {
    const server = startScripted(() => {});
    const { address } = { address: { kind: "tcp", host: "127.0.0.1", port: server.port } as const };
    const servers = [{ address, weight: 1, connectionsMax: 1 }];
    const { request, ask } = rig([], { servers, waitMs: 5000 });
    const before = request();
    const second = ask();
    await until("the first request", 5000, () => server.visits[0]?.heads === 1);
    expect(server.visits).toHaveLength(1);
    server.visits[0]?.send(OK);
    await before.reply.over;
    await until("the second request", 5000, () => server.visits.some((visit) => visit.heads === 2));
    server.visits[0]?.send(OK);
    expect((await second).reply.status).toBe(200);
    const impatient = rig([], { servers });
    impatient.request();
    expect((await impatient.ask()).reply.status).toBe(503);
    server.stop();
  });
});
