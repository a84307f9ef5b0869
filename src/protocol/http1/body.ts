/**
 * Content decoders: one for each way in which the end of a body is found (RFC 9112 section 6). They are pulled: each call
 * takes what it can from the intake and says what it got. chunked is in chunked.ts.
 */
import { EMPTY } from "../../base/bytes.ts";
import type { Fields } from "../http/fields.ts";
import type { HeadFailure } from "./failure.ts";
import type { Intake } from "./intake.ts";

export type BodyStep = "need-data" | "data" | "end" | "failed";

export interface BodyDecoder {
  /** Content of the last `data` step; a view into the bytes received. */
  readonly data: Uint8Array;
  /** After `failed`. */
  readonly failure: HeadFailure | undefined;
  /** After `end`; undefined when the message has none. */
  readonly trailers: Fields | undefined;
  pull(intake: Intake): BodyStep;
}

/** Content-Length: exactly so many bytes. 0 for messages without content. */
export class LengthDecoder implements BodyDecoder {
  data: Uint8Array = EMPTY;
  readonly failure = undefined;
  readonly trailers = undefined;
  private remaining: number;

  constructor(length: number) {
    this.remaining = length;
  }

  /** For the next message. */
  reset(length: number): this {
    this.remaining = length;
    this.data = EMPTY;
    return this;
  }

  pull(intake: Intake): BodyStep {
    if (this.remaining === 0) return "end";
    const count = Math.min(this.remaining, intake.length);
    if (count === 0) return "need-data";
    this.data = intake.take(count);
    this.remaining -= count;
    return "data";
  }
}

/** Until the connection ends; only responses have it. The owner knows when that is. */
export class CloseDecoder implements BodyDecoder {
  data: Uint8Array = EMPTY;
  readonly failure = undefined;
  readonly trailers = undefined;

  pull(intake: Intake): BodyStep {
    if (intake.length === 0) return "need-data";
    this.data = intake.take(intake.length);
    return "data";
  }
}
