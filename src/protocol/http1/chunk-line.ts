/**
 * A chunk's first line (RFC 9112 section 7.1), byte by byte, so that it may come in any pieces:
 *
 *   chunk-size *( ";" ext-name [ "=" ( token / quoted-string ) ] ) CRLF
 *
 * Strict where readers are known to differ: no whitespace anywhere outside a quoted string (the grammar's BWS, which no
 * sender may produce), CRLF and nothing else at the end, no control byte in an extension. Extensions are checked, counted and
 * ignored.
 */
import { HeadFailure } from "./failure.ts";
import {
  CHUNK_BYTES_MAX,
  CHUNK_EXTENSION_BYTES_MAX,
  CHUNK_EXTENSIONS_TOTAL_BYTES_MAX,
  CHUNK_SIZE_DIGITS_MAX,
} from "./limits.ts";
import { BACKSLASH, CR, EQUALS, HEX, LF, NOT_HEX, QDTEXT, QUOTE, SEMICOLON, TCHAR, VALUE } from "./scan.ts";

type Place = "size" | "name-start" | "name" | "value-start" | "value" | "quoted" | "escaped" | "quote-end" | "lf";

export class ChunkLine {
  /** Content bytes of the chunk, after `true`. */
  size = 0;
  private place: Place = "size";
  private digits = 0;
  private extensionBytes = 0;
  private extensionBytesOfBody = 0;

  /** True: the line is complete, `size` holds, and the next byte begins the next line. False: it goes on. */
  take(byte: number): boolean | HeadFailure {
    if (this.place === "size") return this.takeSize(byte);
    if (this.place === "lf") return this.takeLf(byte);
    const next = extensionPlace(this.place, byte);
    if (next === undefined) return new HeadFailure("bad_chunk_extension");
    this.place = next;
    return next !== "lf" && this.countExtension();
  }

  private takeSize(byte: number): boolean | HeadFailure {
    const digit = HEX[byte] as number; // 256 entries
    if (digit === NOT_HEX) return this.sizeEnded(byte);
    if (this.digits === 0) this.size = 0;
    this.digits++;
    this.size = this.size * 16 + digit;
    const tooLarge = this.digits > CHUNK_SIZE_DIGITS_MAX || this.size > CHUNK_BYTES_MAX;
    return tooLarge && new HeadFailure("chunk_size_too_large");
  }

  private sizeEnded(byte: number): boolean | HeadFailure {
    if (this.digits === 0 || (byte !== CR && byte !== SEMICOLON)) return new HeadFailure("bad_chunk_size");
    this.place = byte === CR ? "lf" : "name-start";
    return byte === SEMICOLON && this.countExtension();
  }

  private countExtension(): false | HeadFailure {
    this.extensionBytes++;
    this.extensionBytesOfBody++;
    const tooLarge =
      this.extensionBytes > CHUNK_EXTENSION_BYTES_MAX || this.extensionBytesOfBody > CHUNK_EXTENSIONS_TOTAL_BYTES_MAX;
    return tooLarge && new HeadFailure("chunk_extension_too_large");
  }

  private takeLf(byte: number): boolean | HeadFailure {
    if (byte !== LF) return new HeadFailure(this.extensionBytes > 0 ? "bad_chunk_extension" : "bad_chunk_size");
    this.place = "size";
    this.digits = 0;
    this.extensionBytes = 0;
    return true;
  }
}

/** Where an extension stands after `byte`; undefined when the byte may not come there. */
function extensionPlace(place: Exclude<Place, "size" | "lf">, byte: number): Place | undefined {
  switch (place) {
    case "name-start":
      return TCHAR[byte] === 1 ? "name" : undefined;
    case "name":
      if (TCHAR[byte] === 1) return "name";
      return byte === EQUALS ? "value-start" : extensionEnd(byte);
    case "value-start":
      if (byte === QUOTE) return "quoted";
      return TCHAR[byte] === 1 ? "value" : undefined;
    case "value":
      return TCHAR[byte] === 1 ? "value" : extensionEnd(byte);
    case "quoted":
      if (byte === QUOTE) return "quote-end";
      if (byte === BACKSLASH) return "escaped";
      return QDTEXT[byte] === 1 ? "quoted" : undefined;
    case "escaped":
      return VALUE[byte] === 1 ? "quoted" : undefined;
    case "quote-end":
      return extensionEnd(byte);
  }
}

function extensionEnd(byte: number): Place | undefined {
  if (byte === CR) return "lf";
  return byte === SEMICOLON ? "name-start" : undefined;
}
