/** The handler of `respond` routes: a text of the configuration. nginx: `return 200 "text"`. Prepared once if it is fixed. */
import { EMPTY } from "../base/bytes.ts";
import { Fields } from "../protocol/http/fields.ts";
import { KeptReply } from "../protocol/http/kept-reply.ts";
import { hasNoContent, LENGTH_UNKNOWN, PreparedHead, type ReplyHead } from "../protocol/http/message.ts";
import type { Handler } from "./exchange.ts";
import { lastly } from "./reply.ts";
import { evaluate, type Template } from "./template.ts";

export interface RespondOptions {
  readonly status: number;
  readonly body: Template;
  readonly contentType: string;
}

/** The content is UTF-8 whatever the type says, as TOML files are; values are the bytes that came. */
export function makeRespondHandler(options: RespondOptions): Handler {
  const { status, body, contentType } = options;
  const typed = Fields.of([["Content-Type", contentType]]);
  const reply = (text: string) => {
    const content = hasNoContent(status) ? EMPTY : Buffer.from(text, "latin1");
    const fields = content.length === 0 ? new Fields() : typed;
    // A 304 would announce the length of the 200 that it stands for, which nobody knows.
    const length = status === 304 ? LENGTH_UNKNOWN : content.length;
    const head: ReplyHead = { status, reason: undefined, fields, length };
    return { head, content };
  };
  if (body.constant === undefined) {
    return (exchange) => {
      const { head, content } = reply(evaluate(body, exchange));
      lastly(exchange.reply, head, content);
    };
  }
  const { head, content } = keptReply(reply(body.constant));
  return (exchange) => lastly(exchange.reply, head, content);
}

/** The same for all: it is encoded once. */
function keptReply({ head, content }: { head: ReplyHead; content: Buffer }): { head: ReplyHead; content: Buffer } {
  const prepared = { ...head, prepared: new PreparedHead() };
  if (content.length === 0) return { head: prepared, content };
  const made = KeptReply.makeRoom(content.length);
  made.content.set(content);
  return { head: { ...prepared, kept: new KeptReply(made.room) }, content: made.content };
}
