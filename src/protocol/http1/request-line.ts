/**
 * The request line (RFC 9112 section 3): `method SP request-target SP HTTP-version CRLF`, single spaces, nothing else. It
 * finds the parts and checks their bytes; what a target means is http/target.ts.
 */
import { HeadFailure } from "./failure.ts";
import { METHOD_BYTES_MAX } from "./limits.ts";
import { CR, LF, NO_BYTE, SP, TARGET, TCHAR } from "./scan.ts";

/** Offsets into the bytes that were parsed. */
export class RequestLine {
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  minor: 0 | 1 = 1;
  /** The byte behind the line's CRLF. */
  end = 0;
}

/** Fills `line`. Scans end at the limits, so that a line still incomplete and one too long get the same answer. */
export function parseRequestLine(
  bytes: Buffer,
  start: number,
  targetBytesMax: number,
  line: RequestLine,
): HeadFailure | undefined {
  let at = start;
  const methodStop = start + METHOD_BYTES_MAX + 1;
  while (at < methodStop && TCHAR[bytes[at] ?? NO_BYTE] === 1) at++;
  if (at === methodStop) return new HeadFailure("method_too_long");
  if (bytes[at] !== SP || at === start) return new HeadFailure(bytes[at] === LF ? "bare_lf" : "bad_method");
  line.methodEnd = at;

  const targetStart = ++at;
  const targetStop = targetStart + targetBytesMax + 1;
  while (at < targetStop && TARGET[bytes[at] ?? NO_BYTE] === 1) at++;
  if (at === targetStop) return targetTooLong(targetBytesMax);
  if (at === targetStart) return new HeadFailure("bad_target");
  if (bytes[at] !== SP) return afterTarget(bytes[at]);
  line.targetStart = targetStart;
  line.targetEnd = at;
  return parseVersion(bytes, at + 1, line);
}

function targetTooLong(targetBytesMax: number): HeadFailure {
  return new HeadFailure("target_too_long", `the request target has more than ${targetBytesMax} bytes`);
}

/** A line that ends here is HTTP/0.9's; anything else is a byte no target has. */
function afterTarget(byte: number | undefined): HeadFailure {
  if (byte === LF) return new HeadFailure("bare_lf");
  return new HeadFailure(byte === CR ? "bad_version" : "bad_target");
}

const PREFIX = Buffer.from("HTTP/", "latin1");
const DIGIT_ZERO = 0x30;
const DIGIT_ONE = 0x31;
const DOT = 0x2e;

/** `HTTP/1.0 CRLF` or `HTTP/1.1 CRLF`; a higher minor counts as 1 (RFC 9110 section 6.2). Case-sensitive. */
function parseVersion(bytes: Buffer, start: number, line: RequestLine): HeadFailure | undefined {
  let at = start;
  for (let i = 0; i < PREFIX.length; i++, at++) if (bytes[at] !== PREFIX[i]) return new HeadFailure("bad_version");
  const major = bytes[at];
  const minor = bytes[at + 2];
  if (!isDigit(major) || bytes[at + 1] !== DOT || !isDigit(minor)) return new HeadFailure("bad_version");
  if (bytes[at + 3] === LF) return new HeadFailure("bare_lf");
  if (bytes[at + 3] !== CR || bytes[at + 4] !== LF) return new HeadFailure("bad_version");
  if (major !== DIGIT_ONE) return new HeadFailure("version_not_supported");
  line.minor = minor === DIGIT_ZERO ? 0 : 1;
  line.end = at + 5;
  return undefined;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_ZERO && byte <= DIGIT_ZERO + 9;
}
