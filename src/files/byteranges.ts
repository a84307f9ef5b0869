/**
 * Several ranges of a file as one body, multipart/byteranges (RFC 9110 section 14.6):
 *
 *   CRLF --boundary CRLF Content-Type CRLF Content-Range CRLF CRLF bytes  …  CRLF --boundary-- CRLF
 *
 * The boundary is random, so that no file can hold it on purpose.
 */
import { randomBytes } from "node:crypto";
import { fromLatin1 } from "../base/bytes.ts";
import type { Range } from "../protocol/http/range.ts";
import type { Piece, Representation, Selection } from "./representation.ts";

/** `ranges`: two or more, inside the file. */
export function selectRanges(representation: Representation, ranges: readonly Range[]): Selection {
  const boundary = randomBytes(15).toString("hex");
  const pieces: Piece[] = [];
  for (const { first, last } of ranges) {
    pieces.push(partHead(representation, boundary, first, last), { first, length: last - first + 1 });
  }
  pieces.push(fromLatin1(`\r\n--${boundary}--\r\n`));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return { head: representation.multipart(boundary, length), pieces };
}

function partHead({ contentType, size }: Representation, boundary: string, first: number, last: number): Buffer {
  const range = `Content-Range: bytes ${first}-${last}/${size}\r\n`;
  return fromLatin1(`\r\n--${boundary}\r\nContent-Type: ${contentType}\r\n${range}\r\n`);
}
