/** Parts of a kept reply (RFC 9110 section 14): one range of a complete 200, where If-Range allows it. Several ranges get the
 *  whole, as section 14.2 allows. */
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { parseHttpDate } from "../protocol/http/date.ts";
import { type FieldName, Fields, fieldName } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { chooseRange } from "../protocol/http/range.ts";

const CONTENT_RANGE = fieldName("Content-Range");

/** A date is a strong validator when the content cannot have changed again within its second (section 8.8.2.2). */
const DATE_IS_STRONG_AFTER_MS = 1000;

/** False, with nothing done: all of it is to be sent. */
export function givePart(head: ReplyHead, body: Buffer, exchange: Exchange): boolean {
  const request = exchange.head.fields;
  const asked = request.all("range");
  const [range] = asked;
  if (range === undefined || asked.length > 1 || exchange.head.method !== "GET") return false;
  if (!isStillGood(head.fields, request)) return false;
  const choice = chooseRange(range, body.length);
  if (choice.kind === "unsatisfiable") {
    answer(exchange, 416, Fields.of([["Content-Range", `bytes */${body.length}`]]));
    return true;
  }
  if (choice.kind !== "part") return false;
  const { first, last } = choice;
  const fields = new Fields();
  const { names, values } = head.fields;
  // Both arrays have `length` elements.
  for (let i = 0; i < names.length; i++) fields.add(names[i] as FieldName, values[i] as string);
  fields.add(CONTENT_RANGE, `bytes ${first}-${last}/${body.length}`);
  const part = { status: 206, reason: undefined, fields, length: last - first + 1 };
  exchange.reply.whole(part, body.subarray(first, last + 1));
  return true;
}

/** If-Range (section 13.1.5): a strong tag, or exactly the date. */
function isStillGood(kept: Fields, request: Fields): boolean {
  const named = request.all("if-range");
  const [validator] = named;
  if (validator === undefined) return true;
  if (named.length > 1) return false;
  if (validator.startsWith('"')) return validator === kept.get("etag");
  const modified = kept.get("last-modified");
  if (modified === undefined || validator !== modified) return false;
  const [sentMs, modifiedMs] = [parseHttpDate(kept.get("date") ?? ""), parseHttpDate(modified)];
  return sentMs !== undefined && modifiedMs !== undefined && sentMs - modifiedMs >= DATE_IS_STRONG_AFTER_MS;
}
