/** An HTTP/1 session on a wire in memory, and the handlers that its tests use. */
import { SILENT } from "../../src/base/log.ts";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import type { SessionOptions } from "../../src/front/options.ts";
import { Http1Session } from "../../src/front/session-http1.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { HeadMemo } from "../../src/protocol/http1/head-memo.ts";
import { DEFAULT_HEAD_LIMITS } from "../../src/protocol/http1/limits.ts";
import { MemoryWire } from "./memory-wire.ts";

export interface Stage {
  readonly wire: MemoryWire;
  readonly session: Http1Session;
  /** `status bytes` of each finished request, `refused status` of each refused one. */
  readonly records: string[];
  /** Names of the limits that were hit. */
  readonly limits: string[];
  readonly closed: () => boolean;
}

export function stage(handler: Handler, overrides: Partial<SessionOptions> = {}): Stage {
  const records: string[] = [];
  const limits: string[] = [];
  let closed = false;
  let id = 0;
  const options: SessionOptions = {
    handler,
    headLimits: DEFAULT_HEAD_LIMITS,
    headMemo: new HeadMemo(),
    timeouts: { headerMs: 30_000, bodyMs: 60_000, sendMs: 60_000, keepaliveMs: 75_000 },
    drainTimeoutMs: 30_000,
    keepaliveRequestsMax: 1000,
    keepaliveAgeMaxMs: 3_600_000,
    pipelinedMax: 1000,
    bodyRateMin: 240,
    sendRateMin: 240,
    log: SILENT,
    scratch: Buffer.alloc(64 * 1024),
    observer: {
      nextId: () => ++id,
      nextConnection: () => 1,
      finished: (_, status, bytes) => records.push(`${status} ${bytes}`),
      refused: (_, status) => records.push(`refused ${status}`),
      limited: (limit) => limits.push(limit),
      replaced: () => {},
      counted: (limit) => limits.push(limit),
      closed: () => (closed = true),
    },
    ...overrides,
  };
  const wire = new MemoryWire();
  const session = new Http1Session(wire, options);
  wire.owner = session;
  return { wire, session, records, limits, closed: () => closed };
}

export const reply = (length: number, status = 200): ReplyHead => ({
  status,
  reason: undefined,
  fields: new Fields(),
  length,
});
export const text = (content: string) => (exchange: Exchange) =>
  exchange.reply.whole(reply(content.length), Buffer.from(content));
export const hello = text("hello");

/** Reads the whole body, then answers with it. */
export const echo: Handler = (exchange) => {
  const chunks: Buffer[] = [];
  exchange.body.read({
    bodyData: (bytes) => void chunks.push(Buffer.from(bytes)),
    bodyEnd: () => exchange.reply.whole(reply(Buffer.concat(chunks).length), Buffer.concat(chunks)),
    bodyFailed: () => {},
  });
};

export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

export function withoutDate(output: string): string {
  return output.replaceAll(/Date: [^\r]*\r\n/gi, "");
}
