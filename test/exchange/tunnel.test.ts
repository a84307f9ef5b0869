import { describe, expect, test } from "bun:test";
import { Tunnel, TUNNEL_LINGER_MS, type TunnelOutcome } from "../../src/exchange/tunnel.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { MemoryWire } from "../support/memory-wire.ts";

interface Early {
  readonly client?: string;
  readonly server?: string;
  /** Bytes of the 101 that the client has not taken. */
  readonly unsent?: string;
  readonly ended?: boolean;
}

function joined({ client: first = "", server: second = "", unsent = "", ended = false }: Early = {}) {
  const client = new MemoryWire();
  const server = new MemoryWire();
  const clientBox = new Outbox(client);
  if (unsent !== "") {
    client.room = 0;
    clientBox.write(Buffer.from(unsent));
  }
  let outcome: TunnelOutcome | undefined;
  const tunnel = new Tunnel(
    { wire: client, outbox: clientBox, early: Buffer.from(first), ended },
    { wire: server, outbox: new Outbox(server), early: Buffer.from(second), ended: false },
    { idleTimeoutMs: 60_000, over: (how) => (outcome = how) },
  );
  tunnel.begin();
  return { client, server, tunnel, outcome: () => outcome };
}

test("bytes go both ways as they are", () => {
  const { client, server, tunnel } = joined();
  client.send("\x81\x85abcdefghi");
  server.send("\x81\x02ok");
  expect(server.take()).toBe("\x81\x85abcdefghi");
  expect(client.take()).toBe("\x81\x02ok");
  expect(tunnel.clientBytes).toBe(4);
});

test("both wires are told that they carry messages, before the first", () => {
  const { client, server } = joined({ client: "early" });
  expect([client.carriesMessages, server.carriesMessages]).toEqual([true, true]);
});

test("what came behind the heads is passed on first", () => {
  const { client, server } = joined({ client: "early ", server: "first " });
  client.send("late");
  server.send("last");
  expect(server.output).toBe("early late");
  expect(client.output).toBe("first last");
});

test("the client gets the 101 before what the server sends", () => {
  const { client, server } = joined({ unsent: "HTTP/1.1 101\r\n\r\n", server: "x" });
  expect(server.paused).toBe(true);
  client.drain();
  expect(client.output).toBe("HTTP/1.1 101\r\n\r\nx");
  expect(server.paused).toBe(false);
});

describe.each(["client", "server"] as const)("a %s that does not read", (name) => {
  test("holds the other back, and gets all of it in the end", () => {
    const made = joined();
    const reader = made[name];
    const writer = made[name === "client" ? "server" : "client"];
    reader.room = 3;
    writer.send("abcdef");
    expect(writer.paused).toBe(true);
    expect(reader.paused).toBe(false);
    reader.drain(1);
    expect(writer.paused).toBe(true);
    reader.drain();
    expect(writer.paused).toBe(false);
    expect(reader.output).toBe("abcdef");
  });

  test("gets what was sent before the other ended", () => {
    const made = joined();
    const reader = made[name];
    const writer = made[name === "client" ? "server" : "client"];
    reader.room = 0;
    writer.send("farewell");
    writer.leave();
    expect(reader.state).toBe("open");
    reader.drain();
    expect(reader.output).toBe("farewell");
    expect(reader.state).toBe("shut");
    reader.halfClose();
    expect(made.outcome()).toBe("ended");
    expect(reader.state).toBe("closed");
  });

  test("is cut off with a reset when it never does", () => {
    const made = joined();
    const reader = made[name];
    const writer = made[name === "client" ? "server" : "client"];
    made.tunnel.tick(0);
    reader.room = 0;
    writer.send("farewell");
    writer.leave();
    made.tunnel.tick(1000);
    made.tunnel.tick(1000 + TUNNEL_LINGER_MS - 1);
    expect(made.outcome()).toBeUndefined();
    made.tunnel.tick(1000 + TUNNEL_LINGER_MS);
    expect(made.outcome()).toBe("ended");
    expect(reader.state).toBe("aborted");
  });
});

test("a half-close is passed on behind the bytes before it, and the other direction goes on", () => {
  const { client, server, outcome } = joined();
  server.room = 0;
  client.send("all I have");
  client.halfClose();
  expect(server.state).toBe("open");
  server.drain();
  expect(server.state).toBe("shut");
  server.send("answer");
  expect(client.output).toBe("answer");
  expect(outcome()).toBeUndefined();
  server.halfClose();
  expect(outcome()).toBe("ended");
  expect([client.state, server.state]).toEqual(["closed", "closed"]);
});

test("a client that half-closed before the switch is a half-closed end", () => {
  const { server, client, outcome } = joined({ client: "hello", ended: true });
  expect(server.output).toBe("hello");
  expect(server.state).toBe("shut");
  server.send("answer");
  server.halfClose();
  expect(client.output).toBe("answer");
  expect(outcome()).toBe("ended");
});

test("silence in both directions ends it, movement in one does not", () => {
  const { client, server, tunnel, outcome } = joined();
  tunnel.tick(0);
  server.send("x");
  tunnel.tick(59_000);
  tunnel.tick(118_999);
  expect(outcome()).toBeUndefined();
  tunnel.tick(119_000);
  expect(outcome()).toBe("idle");
  expect([client.state, server.state]).toEqual(["closed", "closed"]);
});

test("what a client sends to a server that is gone is thrown away, and is no movement", () => {
  const { client, server, tunnel, outcome } = joined();
  client.room = 0;
  server.send("farewell");
  server.leave();
  tunnel.tick(0);
  for (let at = 500; at <= TUNNEL_LINGER_MS; at += 500) {
    client.send("more");
    expect(client.paused).toBe(false);
    tunnel.tick(at);
  }
  expect(outcome()).toBe("ended");
});

test("a server that stops closes both ends, once", () => {
  const { client, server, tunnel, outcome } = joined();
  tunnel.close();
  tunnel.close();
  expect([client.state, server.state, outcome()]).toEqual(["closed", "closed", "stopped"]);
  client.leave();
  server.leave();
});
