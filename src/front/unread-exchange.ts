/**
 * The exchange of a request that was refused before it could be read: there is nothing of it to show but who sent it, and its
 * first line as it came. For logs, which show variables of exchanges; nobody answers it.
 */
import { monotonicMs } from "../base/clock.ts";
import { type ConnectionFacts, Exchange, type Peer } from "../exchange/exchange.ts";
import { NO_BODY } from "../exchange/internal.ts";
import { GONE_REPLY } from "../exchange/reply.ts";
import { Fields } from "../protocol/http/fields.ts";
import type { RequestHead } from "../protocol/http/message.ts";

/** `line`: one that is no request line is shown as a target, so that $request has it as well as formats without that. */
export function unreadExchange(peer: Peer, connection?: ConnectionFacts, line = ""): Exchange {
  const [, method = "", target = line, protocol = ""] = LINE.exec(line) ?? [];
  const head = line === "" ? UNREAD : { ...UNREAD, method, target };
  const facts = { id: 0, head, peer, body: NO_BODY, reply: GONE_REPLY, protocol, params: undefined };
  return new Exchange({ ...facts, connection, startedMs: monotonicMs() });
}

const LINE = /^([A-Z]+) (\S+) (HTTP\/\d\.\d)$/;

const UNREAD: RequestHead = {
  method: "",
  target: "",
  form: "origin",
  path: "",
  rawPath: "",
  query: undefined,
  host: "",
  hostPort: undefined,
  minor: 1,
  fields: new Fields(),
  bodyLength: 0,
  persistent: false,
  expectsContinue: false,
  upgrade: undefined,
};
