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
import type { Piece } from "./representation.ts";

/** What the ranges are of. */
export interface Parted {
  /** That of the whole, which each part repeats; undefined: it has none. */
  readonly contentType: string | undefined;
  readonly size: number;
}

export interface Multipart {
  /** Of the reply. */
  readonly contentType: string;
  readonly length: number;
  readonly pieces: readonly Piece[];
}

/** `ranges`: two or more, inside `of`, which begins at `offset` of its file. */
export function multipartOf(of: Parted, ranges: readonly Range[], offset = 0): Multipart {
  const boundary = randomBytes(15).toString("hex");
  const pieces: Piece[] = [];
  for (const range of ranges) {
    const { first, last } = range;
    pieces.push(partHead(of, boundary, range), { first: offset + first, length: last - first + 1 });
  }
  pieces.push(fromLatin1(`\r\n--${boundary}--\r\n`));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length, pieces };
}

function partHead({ contentType, size }: Parted, boundary: string, { first, last }: Range): Buffer {
  const type = contentType === undefined ? "" : `Content-Type: ${contentType}\r\n`;
  return fromLatin1(`\r\n--${boundary}\r\n${type}Content-Range: bytes ${first}-${last}/${size}\r\n\r\n`);
}
