/**
 * Text for a Location field (RFC 9110 section 10.2.2) made from what a client sent: nothing that could end the field,
 * start another one, or name another host gets through. Strings are latin-1, one character per byte.
 */

const HEX = "0123456789ABCDEF";

/** Not allowed in a path unescaped (RFC 3986 section 3.3: pchar and `/`); `%` too, since the path was decoded. */
// eslint-disable-next-line no-control-regex
const OUTSIDE_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g;

/** In a raw request target everything printable may stand as the client sent it, except what RFC 3986 has no place for. */
const OUTSIDE_TARGET = /[^!#-;=?-[\]_a-z~]/g;

/** What needs no escape anywhere in a URI (RFC 3986 section 2.3). */
const RESERVED = /[^A-Za-z0-9\-._~]/g;

/** A decoded path as a reference on this host. `//x` would name the host x (RFC 3986 section 4.2), so leading slashes
 *  are one. */
export function pathReference(path: string): string {
  return escapePath(oneSlash(path));
}

/** A decoded path, or a part of one. */
export function escapePath(path: string): string {
  return path.replace(OUTSIDE_PATH, escapeByte);
}

/** A value that is to be one label of a host or one value in a query: no separator in it has a meaning. */
export function safeLabel(value: string): string {
  return value.replace(RESERVED, escapeByte);
}

/** A raw request target (path and query) with bytes that no URI may have escaped. */
export function safeTarget(target: string): string {
  return target.replace(OUTSIDE_TARGET, escapeByte);
}

/** Browsers take `\` for `/`, so both are leading slashes. */
export function oneSlash(path: string): string {
  return path.replace(/^[/\\]+/, "/");
}

function escapeByte(character: string): string {
  const byte = character.charCodeAt(0);
  return `%${HEX.charAt(byte >> 4)}${HEX.charAt(byte & 15)}`;
}
