/**
 * Every bound of the HTTP/1 codec, with its reason and what others use. Those that an administrator may turn are in
 * HeadLimits; the rest are constants, since no honest peer comes near them.
 */

export interface HeadLimits {
  /** Start line, field lines and the empty line together, bytes. */
  readonly headBytesMax: number;
  /** Field lines. */
  readonly fieldsMax: number;
  /** Request target, bytes. RFC 9112 section 3 asks for at least 8000. */
  readonly targetBytesMax: number;
  /** Are `//` in paths taken for one `/` (nginx's merge_slashes)? */
  readonly mergeSlashes: boolean;
}

/** 64 KiB: nginx takes 1 KiB + 4 × 8 KiB, gunicorn 100 × 8190 bytes, Node 16 KiB. Large cookies and SSO tokens fit, and a
 *  thousand slow heads hold 64 MiB at worst. 200 fields: nginx has no bound until 1.29.6 (1000), gunicorn 100, Node 2000.
 *  16 KiB target: nginx 8 KiB (one buffer), gunicorn 4094; long filter queries of Django's admin fit. */
export const DEFAULT_HEAD_LIMITS: HeadLimits = {
  headBytesMax: 64 * 1024,
  fieldsMax: 200,
  targetBytesMax: 16 * 1024,
  mergeSlashes: true,
};

/** The longest registered method has 17 bytes (UPDATEREDIRECTREF). Longer ones are answered 501 (RFC 9112 section 3). */
export const METHOD_BYTES_MAX = 32;

/** `METHOD SP target SP HTTP/1.1 CRLF`: everything of a request line but method and target. */
export const REQUEST_LINE_REST_BYTES = 12;

/** Names are kept in a table for the life of the thread, so one client must not fill it with long ones. The longest
 *  registered name has 42 bytes. nginx bounds it by the buffer, Go by the head. */
export const FIELD_NAME_BYTES_MAX = 256;

/** Empty lines skipped before a request line; RFC 9112 section 2.2 asks for one (old browsers after a POST). */
export const EMPTY_LINES_MAX = 2;

/** Digits of a Content-Length, leading zeros included; 19 is what 64-bit servers can read. */
export const LENGTH_DIGITS_MAX = 19;

/** Significant digits of a Content-Length: 10^15 - 1 is exact in a double and more than any disk holds. */
export const LENGTH_SIGNIFICANT_DIGITS_MAX = 15;

/** Digits of a chunk-size, leading zeros included: nginx and llhttp read 64 bits. */
export const CHUNK_SIZE_DIGITS_MAX = 16;

/** Bytes of content in one chunk: what a double counts exactly. */
export const CHUNK_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** Extension bytes on one chunk line. Nobody uses them but attackers (CVE-2023-39326); gunicorn and Go take some KiB. */
export const CHUNK_EXTENSION_BYTES_MAX = 256;

/** Extension bytes in one whole body. */
export const CHUNK_EXTENSIONS_TOTAL_BYTES_MAX = 16 * 1024;

/** Pieces of content up to this size are moved together into one event; a larger one is handed out where it lies. */
export const CHUNK_MOVE_BYTES_MAX = 2048;

/** Trailer section, bytes: gRPC's, checksums and signatures fit. */
export const TRAILER_BYTES_MAX = 8 * 1024;

/** Trailer fields. */
export const TRAILERS_MAX = 32;

/** Interim (1xx) replies before one final reply: 100, 103 and a few 102 are honest; nginx and curl also stop somewhere. */
export const INTERIM_REPLIES_MAX = 16;
