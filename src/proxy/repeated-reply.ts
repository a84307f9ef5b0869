/**
 * Reply heads that come again and again, byte for byte (http1/response-memo.ts): what becomes of such a head on its way to the
 * client is worked out once, and its encoding is kept with it (PreparedHead). Only for heads on which the request has no
 * bearing: those that set cookies, redirect, announce trailers or speak to this gateway are worked out each time.
 */
import type { FieldName, Fields } from "../protocol/http/fields.ts";
import { PreparedHead, type ReplyHead } from "../protocol/http/message.ts";
import type { UpstreamReplyHead } from "./dialect.ts";
import type { UpstreamOptions } from "./options.ts";

export interface PassedHead {
  readonly head: ReplyHead;
  /** May the reply be held back for a slow client? */
  readonly buffered: boolean;
}

const LOOKED_AT: ReadonlySet<string> = new Set(["set-cookie", "location", "refresh", "trailer", "x-sendfile"]);

/** Of one upstream. */
export class RepeatedReplies {
  private readonly passed = new WeakMap<UpstreamReplyHead, PassedHead>();
  /** Does no option look at the request? */
  private readonly isPlain: boolean;

  constructor({ headersDown, policy }: UpstreamOptions) {
    this.isPlain = policy !== "sticky" && (headersDown === undefined || headersDown.fixed !== undefined);
  }

  find(sent: UpstreamReplyHead): PassedHead | undefined {
    return sent.repeats ? this.passed.get(sent) : undefined;
  }

  /** The passed head that is to be used, whether it can be kept or not. */
  keep(sent: UpstreamReplyHead, made: PassedHead): PassedHead {
    if (!sent.repeats || !this.isPlain || !isUsual(sent.fields)) return made;
    const { status, reason, fields, length } = made.head;
    const kept = { head: { status, reason, fields, length, prepared: new PreparedHead() }, buffered: made.buffered };
    this.passed.set(sent, kept);
    return kept;
  }
}

function isUsual({ names }: Fields): boolean {
  for (let i = 0; i < names.length; i++) {
    const { lower } = names[i] as FieldName; // i < length
    if (LOOKED_AT.has(lower) || lower.startsWith("x-accel-")) return false;
  }
  return true;
}
