/** What of a file a request gets: preconditions first (RFC 9110 section 13.2.2), then its Range. Answers itself where none
 *  of the file is sent: 304, 412, 416. */
import { EMPTY } from "../base/bytes.ts";
import { wallMs } from "../base/clock.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { type FieldName, Fields } from "../protocol/http/fields.ts";
import { multipartOf } from "./byteranges.ts";
import { evaluate, isConditional, readConditions } from "./conditional.ts";
import { chooseRange } from "../protocol/http/range.ts";
import type { Representation, Selection } from "./representation.ts";

/** Does a GET or HEAD with these fields get all of the file, whatever its state, and as it is? Looks at nothing of the file:
 *  of ten thousand files each look is a wait for memory. */
export function isPlain({ names }: Fields): boolean {
  for (let i = 0; i < names.length; i++) {
    const { lower } = names[i] as FieldName; // i < length
    if (isConditional(lower) || lower === "accept-encoding") return false;
  }
  return true;
}

/** Undefined when the answer needs none of the file and has been given. */
export function select(exchange: Exchange, representation: Representation, rangesMax: number): Selection | undefined {
  const { head, reply } = exchange;
  const conditions = readConditions(head.fields);
  switch (evaluate(conditions, representation, head.method, wallMs)) {
    case "whole":
      return representation.whole;
    case "ranged":
      return selectRange(exchange, representation, conditions.range ?? "", rangesMax);
    case "not-modified":
      reply.whole(representation.notModified(), EMPTY);
      return undefined;
    case "failed":
      answer(exchange, 412);
      return undefined;
  }
}

function selectRange(
  exchange: Exchange,
  representation: Representation,
  range: string,
  rangesMax: number,
): Selection | undefined {
  const choice = chooseRange(range, representation.size, rangesMax);
  switch (choice.kind) {
    case "whole":
      return representation.whole;
    case "part":
      return representation.partial(choice.first, choice.last);
    case "parts": {
      const { contentType, length, pieces } = multipartOf(representation, choice.ranges);
      return { head: representation.multipart(contentType, length), pieces };
    }
    case "unsatisfiable":
      answer(exchange, 416, Fields.of([["Content-Range", `bytes */${representation.size}`]]));
      return undefined;
  }
}
