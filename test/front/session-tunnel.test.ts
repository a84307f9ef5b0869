import { describe, expect, test } from "bun:test";
import { EMPTY } from "../../src/base/bytes.ts";
import type { Exchange } from "../../src/exchange/exchange.ts";
import type { TunnelOutcome } from "../../src/exchange/tunnel.ts";
import type { SessionOptions } from "../../src/front/options.ts";
import type { Session } from "../../src/front/session.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { reply, stage, text } from "../support/http1-stage.ts";
import { MemoryWire } from "../support/memory-wire.ts";

const REQUEST = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/** A session whose handler waits until the test upgrades it. */
function upgradable(overrides: Partial<SessionOptions> = {}) {
  let exchange: Exchange | undefined;
  const made = stage((each) => void (exchange = each), overrides);
  const replaced: Session[] = [];
  const server = new MemoryWire();
  let outcome: TunnelOutcome | undefined;
  const observer = made.session.options.observer;
  observer.replaced = (_: Session, by: Session) => void replaced.push(by);
  const upgrade = () =>
    exchange?.upgrader?.upgrade(
      { ...reply(0, 101), fields: Fields.of([["Upgrade", "echo"]]) },
      { wire: server, outbox: new Outbox(server), early: EMPTY, ended: false },
      { idleTimeoutMs: 60_000, over: (how) => (outcome = how) },
    );
  return { ...made, server, upgrade, exchange: () => exchange, replaced, outcome: () => outcome };
}

test("a request that asks for another protocol can become a tunnel, with the bytes behind its head", () => {
  const { wire, server, upgrade, records, closed, exchange } = upgradable();
  wire.send(`${REQUEST}early `);
  upgrade();
  expect(wire.take()).toBe("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n");
  wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(server.output).toBe("early GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  server.send("answer");
  expect(wire.take()).toBe("answer");
  expect(records).toEqual([]);
  wire.halfClose();
  server.halfClose();
  expect(records).toEqual(["101 6"]);
  const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n";
  expect([exchange()?.requestBytes, exchange()?.bytesSent]).toEqual([REQUEST.length, head.length + "answer".length]);
  expect(closed()).toBe(true);
});

test("its session goes on in the place of the one before, which hears nothing more", () => {
  const { wire, upgrade, replaced, session, server, records, outcome } = upgradable();
  wire.send(REQUEST);
  upgrade();
  expect(replaced).toHaveLength(1);
  session.tick(1e12);
  session.drain(true);
  expect(wire.state).toBe("open");
  expect(replaced[0]?.idleSinceMs(1e12)).toBe(-1);
  replaced[0]?.destroy();
  expect([wire.state, server.state, outcome()]).toEqual(["closed", "closed", "stopped"]);
  expect(records).toEqual(["101 0"]);
});

test("it goes on while the server drains, and is closed before the end of that", () => {
  const { wire, upgrade, replaced, outcome } = upgradable({ drainTimeoutMs: 30_000 });
  wire.send(REQUEST);
  upgrade();
  const nowMs = performance.now();
  replaced[0]?.drain(true);
  replaced[0]?.tick(nowMs + 28_000);
  expect(outcome()).toBeUndefined();
  replaced[0]?.tick(nowMs + 29_900);
  expect(outcome()).toBe("stopped");
});

describe("a client that sends ahead and is refused", () => {
  const ahead = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

  test.each([ahead, ""])("gets its answer, and nothing behind it is a request: %p", (first) => {
    const paths: string[] = [];
    const { wire } = stage((exchange) => {
      paths.push(exchange.head.path);
      if (exchange.upgrader !== undefined) exchange.upgrader.offered = true;
      text("no")(exchange);
    });
    wire.send(REQUEST + first);
    wire.send(ahead);
    expect(paths).toEqual(["/ws"]);
    expect(wire.output).toContain("Connection: close\r\n");
    expect(wire.state).toBe("shut");
  });

  test("is served on when nobody was offered the other protocol", () => {
    const paths: string[] = [];
    const { wire } = stage((exchange) => {
      paths.push(exchange.head.path);
      text("no")(exchange);
    });
    wire.send(REQUEST + ahead);
    expect(paths).toEqual(["/ws", "/smuggled"]);
  });
});

test.each([
  ["HTTP/1.0", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"],
  ["an Upgrade that Connection does not name", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n"],
])("%s is no request for another protocol", (_, request) => {
  const { wire, exchange } = upgradable();
  wire.send(request);
  expect(exchange()?.upgrader).toBeUndefined();
});
