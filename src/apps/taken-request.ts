/**
 * Which request lies in a slot of the scoreboard, for people: its method and target, read back from the frame that the
 * thread received. The frame may be overwritten while it is read, so nothing of it is believed: what does not fit is
 * no answer, never an error.
 */
import { latin1 } from "../base/bytes.ts";
import { REQUEST_HEADER_BYTES } from "./frames.ts";

/** A target is shown this far. */
const TARGET_CHARACTERS_MAX = 512;

/** `GET /report?year=2026`; "a request" when it cannot be read. */
export function describeRequest(frame: Uint8Array): string {
  let method: string | undefined;
  let target: string | undefined;
  for (const [key, value] of environ(frame)) {
    if (key === "REQUEST_METHOD") method = value;
    else if (key === "REQUEST_URI") target = value;
    if (method !== undefined && target !== undefined) return `${method} ${target.slice(0, TARGET_CHARACTERS_MAX)}`;
  }
  return "a request";
}

/** The pairs of the marshalled dict (marshal.ts) as far as they can be read. */
function* environ(frame: Uint8Array): Generator<[string, string]> {
  const reader = new Reader(frame, REQUEST_HEADER_BYTES + 1);
  for (;;) {
    const key = reader.string();
    const value = key === undefined ? undefined : reader.string();
    if (key === undefined || value === undefined) return;
    yield [key, value];
  }
}

class Reader {
  private readonly bytes: Uint8Array;
  private at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Undefined at the end of the dict, or when it is not to be read. */
  string(): string | undefined {
    const code = this.bytes[this.at];
    const start = this.at + (code === 0x7a ? 2 : 5);
    const length = code === 0x7a ? this.bytes[this.at + 1] : code === 0x61 || code === 0x75 ? this.u32() : undefined;
    if (length === undefined || start + length > this.bytes.length) return undefined;
    this.at = start + length;
    return latin1(this.bytes.subarray(start, this.at));
  }

  private u32(): number | undefined {
    if (this.at + 5 > this.bytes.length) return undefined;
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at + 1, 4).getUint32(0, true);
  }
}
