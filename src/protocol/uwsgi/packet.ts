/**
 * The uwsgi packet: how a gateway (nginx's uwsgi_pass) hands one request to an application server. It carries the CGI
 * variables of the request; the request body follows it as plain bytes, as many as CONTENT_LENGTH says, and the reply
 * is a plain HTTP reply that ends with the connection. What the variables mean is params.ts's business.
 *
 *      0           1         3           4                       4 + datasize
 *      modifier1   datasize  modifier2   variables…              body…
 *      u8          u16le     u8
 *
 *      variable:   key size u16le · key · value size u16le · value
 *
 * Specification: uwsgi-docs.readthedocs.io/en/latest/Protocol.html. Sizes have 16 bits: what does not fit is refused
 * by the writer, never wrapped (CVE-2020-11984), and a variable that runs past its packet is refused by the parser.
 */
import { asBuffer, EMPTY, latin1 } from "../../base/bytes.ts";

export const PACKET_HEADER_BYTES = 4;
/** The most that datasize can say. */
export const PACKET_DATA_BYTES_MAX = 65_535;

/** modifier1 of a WSGI request, and of "are you there?" (uwsgi-docs: ping, answered with modifier2 1). */
export const MODIFIER_WSGI = 0;
export const MODIFIER_PING = 100;
/** A WSGI request, too: uWSGI 1 took SCRIPT_NAME off PATH_INFO for it, uWSGI 2 with Python 3 leaves it as it is. */
const MODIFIER_MANAGE_PATH_INFO = 30;

const ACCEPTED: ReadonlySet<number> = new Set([MODIFIER_WSGI, MODIFIER_MANAGE_PATH_INFO, MODIFIER_PING]);

/** The answer to a ping. */
export const PONG = Buffer.from([MODIFIER_PING, 0, 0, 1]);

/** Most names and values are shorter: for them a loop costs less than a call out of JavaScript. */
const LOOP_CHARACTERS_MAX = 48;

/** Builds packets in one buffer that serves all requests. Fits exchange/cgi.ts's CgiSink. */
export class PacketWriter {
  /** The variable that did not fit; undefined while all of them did. */
  tooLarge: string | undefined = undefined;
  private readonly buffer = Buffer.allocUnsafeSlow(PACKET_HEADER_BYTES + PACKET_DATA_BYTES_MAX);
  private end = PACKET_HEADER_BYTES;

  /** The buffer: begins with the packet after `finish`. */
  get bytes(): Buffer {
    return this.buffer;
  }

  /** Forgets what was written: a new packet begins. */
  reset(): void {
    this.end = PACKET_HEADER_BYTES;
    this.tooLarge = undefined;
  }

  /** Adds a variable (latin-1). False, and the packet is lost, when it does not fit. */
  variable(name: string, value: string): boolean {
    const needed = 4 + name.length + value.length;
    if (this.tooLarge !== undefined) return false;
    if (this.end + needed > this.buffer.length) {
      this.tooLarge = name;
      return false;
    }
    this.end = this.sized(this.sized(this.end, name), value);
    return true;
  }

  private sized(at: number, text: string): number {
    const { buffer } = this;
    const { length } = text;
    buffer[at] = length & 0xff;
    buffer[at + 1] = length >> 8;
    if (length > LOOP_CHARACTERS_MAX) buffer.latin1Write(text, at + 2, length);
    else for (let i = 0; i < length; i++) buffer[at + 2 + i] = text.charCodeAt(i);
    return at + 2 + length;
  }

  /** The packet: a view that the next `reset` makes invalid; undefined when a variable did not fit. */
  finish(modifier1 = MODIFIER_WSGI, modifier2 = 0): Buffer | undefined {
    if (this.tooLarge !== undefined) return undefined;
    const size = this.end - PACKET_HEADER_BYTES;
    this.buffer[0] = modifier1;
    this.buffer[1] = size & 0xff;
    this.buffer[2] = size >> 8;
    this.buffer[3] = modifier2;
    return this.buffer.subarray(0, this.end);
  }
}

export type PacketEvent = "need-data" | "packet" | "failed";

export interface PacketFailure {
  /** Stable: `http_spoken`, `modifier`, `variable_overrun`, `empty_name`. */
  readonly code: string;
  readonly message: string;
}

/** Reads one packet, then leaves the rest alone: it is the body. */
export class PacketParser {
  modifier1 = 0;
  modifier2 = 0;
  /** Valid from "packet" on. Values are latin-1. */
  readonly variables = new Map<string, string>();
  /** Valid from "failed" on. */
  failure: PacketFailure = { code: "", message: "" };
  /** Joined only when as much has come as the next step needs: slivers cost no quadratic copying. */
  private chunks: Uint8Array[] = [];
  private held = 0;
  private wanted = 1;
  private state: PacketEvent = "need-data";

  /** Takes ownership of the bytes. */
  receive(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.chunks.push(bytes);
    this.held += bytes.length;
  }

  /** Has anything come? */
  get begun(): boolean {
    return this.held > 0 || this.state !== "need-data";
  }

  next(): PacketEvent {
    while (this.state === "need-data" && this.held >= this.wanted) {
      const before = this.wanted;
      this.state = this.advance(this.joined());
      if (this.wanted === before) break;
    }
    return this.state;
  }

  /** After "packet": the bytes that came behind it. */
  takeRest(): Uint8Array {
    const rest = this.joined();
    this.chunks = [];
    this.held = 0;
    return rest;
  }

  private joined(): Uint8Array {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks, this.held)];
    return this.chunks[0] ?? EMPTY;
  }

  /** One step; `wanted` grows when it needs more bytes. */
  private advance(bytes: Uint8Array): PacketEvent {
    const [modifier1 = 0, low = 0, high = 0, modifier2 = 0] = bytes;
    if (!ACCEPTED.has(modifier1)) return this.refuseModifier(bytes);
    const end = PACKET_HEADER_BYTES + low + high * 256;
    this.wanted = bytes.length < PACKET_HEADER_BYTES ? PACKET_HEADER_BYTES : end;
    if (bytes.length < this.wanted) return "need-data";
    this.modifier1 = modifier1;
    this.modifier2 = modifier2;
    if (modifier1 !== MODIFIER_PING && !this.parseVariables(asBuffer(bytes), end)) return "failed";
    this.chunks = [bytes.subarray(end)];
    this.held -= end;
    return "packet";
  }

  /** Every HTTP method begins with three letters, and no modifier that is accepted is a capital one. */
  private refuseModifier(bytes: Uint8Array): PacketEvent {
    const text = latin1(bytes, 0, Math.min(3, bytes.length));
    if (/^[A-Z]{1,2}$/.test(text)) {
      this.wanted = text.length + 1;
      return "need-data";
    }
    const http = /^[A-Z]{3}$/.test(text);
    if (http) this.fail("http_spoken", "HTTP spoken to a uwsgi socket: the gateway needs uwsgi_pass, not proxy_pass");
    else this.fail("modifier", `uwsgi modifier1 is ${bytes[0]}, it should be ${MODIFIER_WSGI} (WSGI)`);
    return "failed";
  }

  private parseVariables(block: Buffer, end: number): boolean {
    let at = PACKET_HEADER_BYTES;
    while (at < end) {
      const nameAt = at + 2;
      const nameEnd = nameAt < end ? nameAt + block.readUInt16LE(at) : Infinity;
      const valueAt = nameEnd + 2;
      if (valueAt > end) return this.fail("variable_overrun", `a uwsgi variable name runs past its packet at ${at}`);
      if (nameEnd === nameAt) return this.fail("empty_name", `a uwsgi variable at ${at} has an empty name`);
      const name = block.latin1Slice(nameAt, nameEnd);
      at = valueAt + block.readUInt16LE(nameEnd);
      if (at > end) return this.fail("variable_overrun", `the uwsgi variable ${name} runs past its packet`);
      this.add(name, block.latin1Slice(valueAt, at));
    }
    return true;
  }

  /** Repeated request fields are one list (RFC 9110 section 5.3; older nginx sends each of them); of everything else,
   *  HTTP_HOST too, the last counts: gateways override what an included file set. */
  private add(name: string, value: string): void {
    const before = name.startsWith("HTTP_") && name !== "HTTP_HOST" ? this.variables.get(name) : undefined;
    if (before === undefined) this.variables.set(name, value);
    else this.variables.set(name, before + (name === "HTTP_COOKIE" ? "; " : ",") + value);
  }

  private fail(code: string, message: string): false {
    this.failure = { code, message };
    return false;
  }
}
