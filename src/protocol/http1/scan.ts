/**
 * Byte classes of HTTP/1 as tables of 256 entries, so that a scan is one load and one compare per byte.
 * Not a parser: who stops where is decided by the files that scan.
 * Specification: RFC 9110 section 5.6.2 (token), 5.5 (field-value); RFC 9112 section 3.
 */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const QUOTE = 0x22;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const BACKSLASH = 0x5c;

/** What an index outside the bytes reads as: in no class, so every scan stops there. */
export const NO_BYTE = 0x00;

function byteTable(belongs: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (belongs(byte) ? 1 : 0));
}

const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~";

/** 1 for tchar. */
export const TCHAR = byteTable((byte) => {
  const char = String.fromCharCode(byte);
  return /[0-9A-Za-z]/.test(char) || TOKEN_PUNCTUATION.includes(char);
});

/** 1 for what may stand in a field value: VCHAR, SP, HTAB, obs-text. No other control byte, so neither CR, LF nor NUL. */
export const VALUE = byteTable((byte) => byte === HTAB || (byte >= SP && byte !== 0x7f));

/** 1 for what a request target may hold on the wire: VCHAR, and bytes above 0x7f as nginx lets them pass. Which of
 *  them mean what is target.ts's business. */
export const TARGET = byteTable((byte) => byte > SP && byte !== 0x7f);

/** 1 for qdtext (RFC 9110 section 5.6.4). */
export const QDTEXT = byteTable((byte) => VALUE[byte] === 1 && byte !== QUOTE && byte !== BACKSLASH);

export const NOT_HEX = 255;

/** Value of a hexadecimal digit, NOT_HEX for every other byte. */
export const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return /[0-9A-Fa-f]/.test(char) ? parseInt(char, 16) : NOT_HEX;
});

/** SP or HTAB: optional whitespace (RFC 9110 section 5.6.3). */
export function isOws(byte: number | undefined): boolean {
  return byte === SP || byte === HTAB;
}
