/** A uwsgi session on a wire in memory, with the handlers that its tests need. */
import { SILENT } from "../../src/base/log.ts";
import type { BodyFailure } from "../../src/exchange/body.ts";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import { UwsgiSession, type UwsgiSessionOptions } from "../../src/front/session-uwsgi.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { MemoryWire } from "./memory-wire.ts";
import { uwsgiPacket } from "./uwsgi-packet.ts";

export interface Stage {
  readonly wire: MemoryWire;
  readonly session: UwsgiSession;
  /** `status bytes` of each finished request, `refused status` of each refused one. */
  readonly records: string[];
  /** Names of the limits that were hit. */
  readonly limits: string[];
  readonly closed: () => number;
}

export const TIMEOUTS = { headerMs: 30_000, bodyMs: 60_000, sendMs: 60_000, keepaliveMs: 75_000 };

export function stage(handler: Handler): Stage {
  const records: string[] = [];
  const limits: string[] = [];
  let closed = 0;
  const options: UwsgiSessionOptions = {
    handler,
    loaded: [
      {
        root: "/srv/site",
        wsgi: { kind: "module", module: "mysite.wsgi", callable: "application" },
        python: "/usr/bin/python3",
        env: {},
      },
    ],
    timeouts: TIMEOUTS,
    bodyRateMin: 240,
    sendRateMin: 240,
    log: SILENT,
    scratch: Buffer.alloc(64 * 1024),
    observer: {
      nextId: () => 1,
      nextConnection: () => 1,
      finished: (_, status, bytes) => records.push(`${status} ${bytes}`),
      refused: (_, status) => records.push(`refused ${status}`),
      limited: (limit) => limits.push(limit),
      counted: (limit) => limits.push(limit),
      replaced: () => {},
      closed: () => closed++,
    },
  };
  const wire = new MemoryWire();
  const session = new UwsgiSession(wire, options);
  wire.owner = session;
  return { wire, session, records, limits, closed: () => closed };
}

export const head = (length: number): ReplyHead => ({ status: 200, reason: undefined, fields: new Fields(), length });

export const hello: Handler = (exchange) => exchange.reply.whole(head(5), Buffer.from("hello"));

/** Reads the whole body, then answers with it. */
export const echo: Handler = (exchange) => {
  const chunks: Buffer[] = [];
  exchange.body.read({
    bodyData: (bytes) => void chunks.push(Buffer.from(bytes)),
    bodyEnd: () => exchange.reply.whole(head(exchange.body.length), Buffer.concat(chunks)),
    bodyFailed: () => {},
  });
};

export const post = (length: number) => uwsgiPacket({ REQUEST_METHOD: "POST", CONTENT_LENGTH: String(length) });

/** A handler that waits, and what happens to it. */
export function waiting(reading: boolean): { handler: Handler; exchange: () => Exchange; events: string[] } {
  const events: string[] = [];
  let exchange: Exchange | undefined;
  const handler: Handler = (given) => {
    exchange = given;
    given.reply.producer = { drained: () => events.push("drained"), gone: () => events.push("gone") };
    if (!reading) return;
    given.body.read({
      bodyData: (bytes) => events.push(`data ${bytes.length}`),
      bodyEnd: () => events.push("end"),
      bodyFailed: (why: BodyFailure) => events.push(`failed ${why}`),
    });
  };
  return { handler, exchange: () => exchange as Exchange, events };
}
