/**
 * Small files that are sent and forgotten, because they were not asked for before (acquaintances.ts), or the cache cannot take
 * them: read into memory that the next request uses again. So a crawler that asks for everything once pushes
 * nothing out of the cache, and pays for no place in it.
 */
import { EMPTY } from "../base/bytes.ts";
import { wallMs } from "../base/clock.ts";
import type { Reply } from "../exchange/reply.ts";
import { httpDateNow } from "../protocol/http/date.ts";
import { KEPT_HEAD_BYTES_MAX, KeptReply } from "../protocol/http/kept-reply.ts";
import { CACHED_FILE_BYTES_MAX } from "./cache.ts";
import type { Representation, Selection } from "./representation.ts";

/** Room for the content of any small file, until the next call, with room for its head in front of it: one for all requests of a
 *  thread. */
class Room {
  readonly kept = new KeptReply(Buffer.allocUnsafeSlow(KEPT_HEAD_BYTES_MAX + CACHED_FILE_BYTES_MAX));
  readonly content = this.kept.bytes.subarray(KEPT_HEAD_BYTES_MAX);
  /** What is sent from it, or was last: the reply to one request may be followed by that to the next before its call returns. */
  user: Representation | undefined = undefined;
}

let room: Room | undefined;

export function passingRoom(): Room {
  return (room ??= new Room());
}

/** Room for a file that is to be kept, of its own: no larger than its head, where that is known already. */
export function roomFor(representation: Representation): KeptReply {
  const { size, options } = representation;
  const template = options.templates?.for(representation);
  const headBytes = template?.length ?? KEPT_HEAD_BYTES_MAX;
  const kept = new KeptReply(Buffer.allocUnsafeSlow(headBytes + size), headBytes);
  template?.fill(kept, representation, httpDateNow(wallMs()));
  return kept;
}

/** Sends all of the file whose bytes are in `room`, which is the caller's again after the call. */
export function sendWhole(reply: Reply, representation: Representation, own: Room): void {
  const { kept, content } = own;
  const { head, size, options } = representation;
  if (reply.lend === undefined) return reply.whole(head, Buffer.from(content.subarray(0, size)));
  const template = options.templates?.for(representation);
  own.user = representation;
  kept.renew(size);
  template?.fill(kept, representation, httpDateNow(wallMs()));
  head.kept = kept;
  reply.resign?.();
  reply.lend(head, content);
  head.kept = undefined;
  if (template !== undefined || own.user !== representation || kept.date === "") return;
  options.templates?.learn(kept, representation);
}

/** Sends a part of it. */
export function sendSelection(reply: Reply, { head, pieces }: Selection, { content }: Room): void {
  const [first] = pieces;
  if (pieces.length > 1 || first === undefined || !("first" in first))
    return reply.whole(head, piecesOf(pieces, content));
  const bytes = first.first === 0 ? content : content.subarray(first.first, first.first + first.length);
  if (reply.lend !== undefined) reply.lend(head, bytes);
  else reply.whole(head, Buffer.from(bytes.subarray(0, head.length)));
}

/** In one piece, of its own if they are several. */
export function piecesOf(pieces: Selection["pieces"], bytes: Buffer): Buffer {
  const parts = pieces.map((piece) =>
    "first" in piece ? bytes.subarray(piece.first, piece.first + piece.length) : piece,
  );
  return parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts);
}
