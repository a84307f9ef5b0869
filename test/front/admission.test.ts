/** Who is let in, and who makes room. */
import { describe, expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { monotonicMs } from "../../src/base/clock.ts";
import { compileAddressSet } from "../../src/exchange/address-set.ts";
import { AddressCounts } from "../../src/exchange/address-counts.ts";
import { makeCountMemory } from "../../src/exchange/count-sketch.ts";
import { Admission } from "../../src/front/admission.ts";
import { IdleSessions } from "../../src/front/idle-sessions.ts";
import { LimitLog } from "../../src/front/limit-log.ts";
import type { Session } from "../../src/front/session.ts";
import { limitHits, makeUsageMemory, Usage } from "../../src/exchange/usage.ts";

class FakeSession implements Session {
  drained = 0;
  sinceMs: number;
  private readonly ondrain: (session: FakeSession) => void;

  constructor(sinceMs: number, ondrain: (session: FakeSession) => void = () => {}) {
    this.sinceMs = sinceMs;
    this.ondrain = ondrain;
  }
  tick(): void {}
  destroy(): void {}
  idleSinceMs(): number {
    return this.sinceMs;
  }
  drain(): void {
    this.drained++;
    this.sinceMs = -1;
    this.ondrain(this);
  }
}

describe("idle sessions", () => {
  test("are shed in the order in which they became idle, busy ones never", () => {
    const shed: number[] = [];
    const sessions = [5, -1, 3, 9, -1, 1].map((since) => new FakeSession(since, () => shed.push(since)));
    const idle = new IdleSessions(sessions);
    expect(idle.shed(2)).toBe(2);
    expect(shed).toEqual([1, 3]);
    expect(idle.shed(9)).toBe(2);
    expect(shed).toEqual([1, 3, 5, 9]);
  });

  test("one that was used since it was seen is passed over", () => {
    const sessions = [1, 2, 3].map((since) => new FakeSession(since));
    const idle = new IdleSessions(sessions);
    expect(idle.shed(1)).toBe(1);
    (sessions[1] as FakeSession).sinceMs = 10;
    expect(idle.shed(1)).toBe(1);
    expect(sessions.map((session) => session.drained)).toEqual([1, 0, 1]);
  });

  test("a flood looks for them in bounded time: once for many, and not at all while there are none", () => {
    let looks = 0;
    const sessions: FakeSession[] = Array.from({ length: 1000 }, (_, i) => new FakeSession(i));
    const counted = {
      *[Symbol.iterator]() {
        looks++;
        yield* sessions;
      },
    };
    const idle = new IdleSessions(counted);
    for (let i = 0; i < 640; i++) expect(idle.shed(1)).toBe(1);
    expect(looks).toBe(10);
    for (const session of sessions) session.sinceMs = -1;
    const begin = monotonicMs();
    for (let i = 0; i < 1000; i++) expect(idle.shed(1)).toBe(0);
    expect(looks).toBeLessThan(12 + (monotonicMs() - begin) / 50);
  });
});

function admission(connectionsMax: number, connectionsPerAddressMax = 0) {
  const memory = makeUsageMemory(1);
  const usage = new Usage(memory, 0);
  const admitted = new Admission({
    connectionsMax,
    connectionsPerAddressMax,
    trust: compileAddressSet(["10.0.0.0/8"]),
    usage,
    addresses: new AddressCounts(makeCountMemory(1), 0),
    limits: new LimitLog(SILENT, usage, monotonicMs),
  });
  return { admitted, usage, hits: () => Object.fromEntries(limitHits(memory)) };
}

const PORT = {};

describe("admission", () => {
  test("at the limit an idle session makes room; without one there is none", () => {
    const { admitted, usage, hits } = admission(2);
    const close = (session: Session) => admitted.closed(session);
    const busy = new FakeSession(-1, close);
    const idle = new FakeSession(7, close);
    for (const session of [busy, idle]) {
      expect(admitted.hasRoom("192.0.2.7")).toBe(true);
      admitted.opened(session, "192.0.2.7", PORT);
    }
    expect(admitted.hasRoom("192.0.2.7")).toBe(true);
    expect([idle.drained, busy.drained, usage.connections]).toEqual([1, 0, 1]);
    admitted.opened(new FakeSession(-1, close), "192.0.2.7", PORT);
    expect(admitted.hasRoom("192.0.2.7")).toBe(false);
    expect(hits()).toEqual({ max_connections: 2 });
    admitted.closed(busy);
    expect(admitted.hasRoom("192.0.2.7")).toBe(true);
  });

  test("bounds each address, but no trusted proxy and no unix socket", () => {
    const { admitted, hits } = admission(100, 2);
    const fill = (address: string) => {
      for (let i = 0; i < 2; i++) {
        expect(admitted.claim(address)).toBe(true);
        admitted.opened(new FakeSession(-1), address, PORT);
      }
      return [admitted.mayConnect(address), admitted.claim(address)];
    };
    expect(["192.0.2.7", "2001:db8::7", "10.1.2.3", "unix:", ""].map(fill)).toEqual([
      [false, false],
      [false, false],
      [true, true],
      [true, true],
      [true, true],
    ]);
    expect(admitted.claim("192.0.2.8")).toBe(true);
    expect(hits()).toEqual({ max_connections_per_address: 4 });
  });

  test("what is refused is not counted, and what is closed may be claimed again", () => {
    const { admitted } = admission(100, 1);
    const session = new FakeSession(-1);
    expect(admitted.claim("192.0.2.7")).toBe(true);
    admitted.opened(session, "192.0.2.7", PORT);
    for (let i = 0; i < 3; i++) expect(admitted.claim("192.0.2.7")).toBe(false);
    admitted.closed(session);
    expect([admitted.claim("192.0.2.7"), admitted.claim("192.0.2.7")]).toEqual([true, false]);
  });

  test("a session is counted once, however often it says that it closed", () => {
    const { admitted, usage } = admission(100, 2);
    const session = new FakeSession(-1);
    expect(admitted.claim("192.0.2.7")).toBe(true);
    admitted.opened(session, "192.0.2.7", PORT);
    admitted.closed(session);
    admitted.closed(session);
    expect([usage.connections, admitted.size, admitted.mayConnect("192.0.2.7")]).toEqual([0, 0, true]);
  });

  test("knows where a session came in, also after another has gone on with its connection", () => {
    const { admitted } = admission(100);
    const [one, other, next] = [new FakeSession(-1), new FakeSession(-1), new FakeSession(-1)];
    const left = {};
    admitted.opened(one, "192.0.2.7", PORT);
    admitted.opened(other, "192.0.2.7", left);
    admitted.replaced(other, next);
    expect([admitted.sessionsOf(PORT), admitted.sessionsOf(left)]).toEqual([[one], [next]]);
  });

  test("other bounds hold for those that come from then on", () => {
    const { admitted } = admission(100);
    admitted.opened(new FakeSession(-1), "192.0.2.7", PORT);
    admitted.setBounds({ connectionsMax: 1, connectionsPerAddressMax: 0, trust: () => false });
    expect(admitted.hasRoom("192.0.2.8")).toBe(false);
    admitted.setBounds({ connectionsMax: 2, connectionsPerAddressMax: 0, trust: () => false });
    expect(admitted.hasRoom("192.0.2.8")).toBe(true);
  });
});
