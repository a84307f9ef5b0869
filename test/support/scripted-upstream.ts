/**
 * An upstream server under test control, over real sockets of src/net: each connection is given to a script, which sees
 * what arrives and answers as badly as it likes.
 */
import { tmpdir } from "node:os";
import type { Log } from "../../src/base/log.ts";
import { SILENT } from "../../src/base/log.ts";
import { listen } from "../../src/net/listen.ts";
import type { Wire, WireOwner } from "../../src/net/wire.ts";
import { listenTcp } from "../../src/os/sockets.ts";
import { makeProxyHandler } from "../../src/proxy/handler.ts";
import type { ProxyOptions, UpstreamOptions } from "../../src/proxy/options.ts";
import { Upstream } from "../../src/proxy/upstream.ts";
import { type FakeExchange, fakeExchange, type FakeRequest } from "./exchange.ts";
import { within } from "./wait.ts";

/** One connection as a script sees it. */
export class Visit implements WireOwner {
  readonly wire: Wire;
  /** 1 for the first connection to this server, and so on. */
  readonly number: number;
  text = "";
  state: "open" | "ended" | "closed" = "open";
  private readonly script: (visit: Visit) => void;
  private rest: Buffer = Buffer.alloc(0);

  constructor(wire: Wire, number: number, script: (visit: Visit) => void) {
    this.wire = wire;
    this.number = number;
    this.script = script;
  }

  received(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).latin1Slice();
    this.script(this);
  }

  /** Requests that have arrived, heads only counted. */
  get heads(): number {
    return this.text.split("\r\n\r\n").length - 1;
  }

  /** Bytes given to send() that the kernel has not taken yet. */
  get unsent(): number {
    return this.rest.length;
  }

  send(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    this.rest = Buffer.concat([this.rest, bytes]);
    this.drained();
  }

  drained(): void {
    const taken = this.wire.write(this.rest, 0, this.rest.length);
    this.rest = this.rest.subarray(taken);
  }

  ended(): void {
    this.state = "ended";
    this.wire.close();
  }

  closed(): void {
    this.state = "closed";
  }
}

export interface ScriptedServer {
  readonly port: number;
  readonly visits: Visit[];
  stop(): void;
}

/** `script` runs whenever bytes have arrived; `visit.text` is all that came on its connection. */
export function startScripted(script: (visit: Visit) => void, wanted = 0): ScriptedServer {
  const { fds, port } = listenTcp({ host: "127.0.0.1", port: wanted }, 1);
  const visits: Visit[] = [];
  const accept = (wire: Wire) => {
    const visit = new Visit(wire, visits.length + 1, script);
    visits.push(visit);
    return visit;
  };
  const listener = listen({ fd: fds[0] as number, unix: false, accept });
  const stop = () => {
    listener.stop();
    for (const visit of visits) if (visit.state !== "closed") visit.wire.abort();
  };
  return { port, visits, stop };
}

/** Answers each request with `reply` when its head has arrived. */
export function answering(reply: string): (visit: Visit) => void {
  return (visit) => {
    if (visit.heads === 0) return;
    visit.text = "";
    visit.send(reply);
  };
}

export interface Rig {
  readonly upstream: Upstream;
  /** Makes a request and gives its record at once. */
  request(request?: FakeRequest): FakeExchange;
  /** …and when its reply is over. */
  ask(request?: FakeRequest): Promise<FakeExchange>;
}

export const UPSTREAM: Omit<UpstreamOptions, "servers"> = {
  name: "test",
  protocol: "http",
  connectTimeoutMs: 1000,
  readTimeoutMs: 1000,
  sendTimeoutMs: 1000,
  keepalive: 4,
};

/** An upstream of servers on these ports. */
export function rig(
  ports: readonly number[],
  options: Partial<UpstreamOptions> = {},
  log: Log = SILENT,
  route: Partial<ProxyOptions> = {},
): Rig {
  const servers = ports.map((port) => ({ address: { kind: "tcp", host: "127.0.0.1", port } as const, weight: 1 }));
  const upstream = new Upstream({ ...UPSTREAM, servers, ...options }, log);
  const handler = makeProxyHandler(upstream, { temporaryDirectory: tmpdir(), ...route });
  const request = (wanted: FakeRequest = {}) => {
    const made = fakeExchange(wanted);
    handler(made.exchange);
    return made;
  };
  const ask = async (wanted: FakeRequest = {}) => {
    const made = request(wanted);
    await within("a reply", 10_000, made.reply.over);
    return made;
  };
  return { upstream, request, ask };
}

/** A reply that is whole in one packet. */
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Asks a server that runs `script`, with sweeps that are ten times as fast as the clock. */
export async function against(script: (visit: Visit) => void, request: FakeRequest = {}, change: Partial<Setup> = {}) {
  const server = startScripted(script);
  const made = rig([server.port], change.options, SILENT, change.route);
  const sweep = sweepFast(made);
  try {
    const { reply } = await made.ask(request);
    return { reply, visits: server.visits };
  } finally {
    clearInterval(sweep);
    server.stop();
  }
}

export interface Setup {
  readonly options: Parameters<typeof rig>[1];
  readonly route: Partial<ProxyOptions>;
}

/** By turns of this thread and not by the clock: whoever gets no processor for a while finds no deadline over. */
export function sweepFast({ upstream }: Rig): Timer {
  let nowMs = 0;
  return setInterval(() => upstream.tick((nowMs += 100)), 10);
}

export const once = (act: (visit: Visit) => void) => (visit: Visit) => {
  if (visit.heads === 1) act(visit);
};

export async function sendSlowly(visit: Visit, wire: string): Promise<void> {
  for (const byte of wire) {
    visit.send(byte);
    await Bun.sleep(0);
  }
}
