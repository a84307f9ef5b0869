/** The handler of `respond` routes: a fixed reply, prepared once. nginx: `return 200 "text"`. */
import { EMPTY } from "../base/bytes.ts";
import { Fields } from "../protocol/http/fields.ts";
import { isBodiless, type ReplyHead } from "../protocol/http/message.ts";
import type { Handler } from "./exchange.ts";

export interface RespondOptions {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

/** The content is UTF-8 whatever the type says, as TOML files are. */
export function makeRespondHandler(options: RespondOptions): Handler {
  const { status } = options;
  const content = isBodiless("GET", status) ? EMPTY : Buffer.from(options.body, "utf8");
  const fields = content.length === 0 ? new Fields() : Fields.of([["Content-Type", options.contentType]]);
  const head: ReplyHead = { status, reason: undefined, fields, length: content.length };
  return (exchange) => exchange.reply.whole(head, content);
}
