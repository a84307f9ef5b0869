/**
 * The first message of a TLS client, as far as it is needed: which protocols it offers. RFC 8446 section 4.1.2 in a record of
 * section 5.1; RFC 7301 section 3.1. No judge of what is malformed: that offers nothing.
 *
 *   22 ver(2) len(2) │ 1 len(3) ver(2) random(32) │ len8 session │ len16 ciphers │ len8 compression │ len16 extensions
 *   extension: type(2) len16 …       ALPN, type 16: len16 ( len8 name )*
 */

const RECORD_HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const EXTENSION_ALPN = 16;
/** Record header, handshake header, version and random. */
const SESSION_AT = 5 + 4 + 2 + 32;

/** Does `hello`, the first bytes of a connection, offer the protocol `name`? */
export function asksForAlpn(hello: Uint8Array, name: string): boolean {
  if (hello[0] !== RECORD_HANDSHAKE || hello[5] !== CLIENT_HELLO) return false;
  const bytes = Buffer.from(hello.buffer, hello.byteOffset, hello.length);
  try {
    return protocols(bytes).includes(name);
  } catch (error) {
    // It is cut short.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function protocols(bytes: Buffer): string[] {
  let at = SESSION_AT;
  at += 1 + bytes.readUInt8(at);
  at += 2 + bytes.readUInt16BE(at);
  at += 1 + bytes.readUInt8(at);
  const end = at + 2 + bytes.readUInt16BE(at);
  for (at += 2; at < end; at += 4 + bytes.readUInt16BE(at + 2)) {
    if (bytes.readUInt16BE(at) === EXTENSION_ALPN) return names(bytes, at + 4);
  }
  return [];
}

function names(bytes: Buffer, at: number): string[] {
  const found: string[] = [];
  const end = at + 2 + bytes.readUInt16BE(at);
  for (let next = at + 2; next < end; next += 1 + bytes.readUInt8(next)) {
    found.push(bytes.latin1Slice(next + 1, next + 1 + bytes.readUInt8(next)));
  }
  return found;
}
