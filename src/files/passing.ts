/**
 * Small files that are sent and forgotten, because they were not asked for before (acquaintances.ts), or the cache cannot take
 * them: read into memory that the next request uses again. So a crawler that asks for everything once pushes
 * nothing out of the cache, and pays for no place in it.
 */
import { EMPTY } from "../base/bytes.ts";
import type { Reply } from "../exchange/reply.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { CACHED_FILE_BYTES_MAX } from "./cache.ts";
import type { Selection } from "./representation.ts";

let scratch: Buffer | undefined;

/** Room for any small file, until the next call: one for all requests of a thread. */
export function passingRoom(): Buffer {
  return (scratch ??= Buffer.allocUnsafeSlow(CACHED_FILE_BYTES_MAX));
}

/** Sends the selection from a file that is in `bytes`, which are the caller's again after the call. */
export function sendPassing(reply: Reply, { head, pieces }: Selection, bytes: Buffer): void {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined && "first" in first) {
    return lend(reply, head, first.first === 0 ? bytes : bytes.subarray(first.first, first.first + first.length));
  }
  reply.whole(head, piecesOf(pieces, bytes));
}

function lend(reply: Reply, head: ReplyHead, bytes: Buffer): void {
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
