/** What stands between a handler and the session, and changes no bytes, lets through how large files are given. */
import { describe, expect, test } from "bun:test";
import { SILENT } from "../../src/base/log.ts";
import { withAccel } from "../../src/exchange/accel.ts";
import { DelegatingReply } from "../../src/exchange/delegating-reply.ts";
import type { Exchange, Handler } from "../../src/exchange/exchange.ts";
import { ruleScope } from "../../src/exchange/rule-scope.ts";
import { withRules } from "../../src/exchange/rules.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import type { Sendable } from "../../src/os/sendable.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange, RecordedReply } from "../support/exchange.ts";
import { template } from "../support/template.ts";

const SOURCE: Sendable = { isCopied: false, sendTo: () => 0 };

/** Takes three bytes of what is offered. */
class OfferedReply extends RecordedReply {
  readonly asked: unknown[] = [];

  override start(head: ReplyHead, more?: boolean): void {
    super.start(head);
    this.asked.push(more);
  }

  offer(bytes: Uint8Array): number {
    this.asked.push(Buffer.from(bytes).toString());
    return 3;
  }

  offerFrom(source: Sendable, offset: number, length: number): number {
    this.asked.push(source, offset, length);
    return 4;
  }
}

function head(fields: Record<string, string>): ReplyHead {
  return { status: 200, reason: undefined, fields: Fields.of(Object.entries(fields)), length: 10 };
}

const MOVED = /^\/$/;
const rewrite = { kind: "rewrite", to: template("/moved", ruleScope(MOVED, [], BUILT_IN)), taker: "site" } as const;

/** The handler answers past each of them. */
const BETWEEN: readonly [string, (handler: Handler) => Handler][] = [
  ["itself", (handler) => (exchange) => handler(withReply(exchange, new DelegatingReply(exchange.reply)))],
  [
    "of rules that change the path",
    (handler) =>
      withRules([{ conditions: [], match: MOVED, action: rewrite }], handler, { mergeSlashes: true, again: handler }),
  ],
  [
    "of X-Accel-Redirect",
    (handler) =>
      withAccel((exchange) => exchange.reply.whole(head({ "X-Accel-Redirect": "/in" }), Buffer.alloc(10)), {
        mergeSlashes: true,
        dispatch: handler,
        sendFile: () => false,
        log: SILENT,
      }),
  ],
];

function withReply(exchange: Exchange, reply: DelegatingReply): Exchange {
  exchange.reply = reply;
  return exchange;
}

describe.each(BETWEEN)("the reply %s", (_, around) => {
  test("offers what the reply behind is offered", () => {
    const reply = new OfferedReply();
    const { exchange } = fakeExchange();
    exchange.reply = reply;
    let taken: (number | undefined)[] = [];
    around((inside) => {
      inside.reply.start(head({}), true);
      taken = [inside.reply.offer?.(Buffer.from("bytes")), inside.reply.offerFrom?.(SOURCE, 8, 9)];
    })(exchange);
    expect(reply.asked).toEqual([true, "bytes", SOURCE, 8, 9]);
    expect(taken).toEqual([3, 4]);
  });

  test("offers nothing to one that can be offered nothing", () => {
    const { exchange } = fakeExchange();
    let offers: unknown[] = [];
    around((inside) => (offers = [inside.reply.offer, inside.reply.offerFrom]))(exchange);
    expect(offers).toEqual([undefined, undefined]);
  });
});
