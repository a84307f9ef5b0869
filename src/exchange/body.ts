/**
 * The content of a request as a handler meets it: a source that is read once, pushed, with back-pressure.
 * A handler that never reads leaves the rest to the session, which drains it up to a bound or closes.
 */
import type { Fields } from "../protocol/http/fields.ts";

/** Why no more will come: the client left, sent a malformed chunk, was too slow, or sent more than the route takes.
 *  For all but `aborted` the session has a status to answer with and does so itself if no reply has begun. */
export type BodyFailure = "aborted" | "malformed" | "timeout" | "too-large";

export interface BodyReader {
  /** The bytes are valid only during the call. */
  bodyData(bytes: Uint8Array): void;
  /** All of it came; called once, never after bodyFailed. `trailers`: behind a chunked body, if it has some. They are as the
   *  client sent them and no part of the head (RFC 9110 section 6.5.1). */
  bodyEnd(trailers?: Fields): void;
  /** The reader lets go of what it holds. The session answers the client. */
  bodyFailed(why: BodyFailure): void;
}

export interface RequestBody {
  /** Bytes if the head says so, LENGTH_UNKNOWN if chunked, 0 if there is none. */
  readonly length: number;
  /** Begins to read; sends `100 Continue` if the client waits for it. What has already arrived may be delivered before
   *  the call returns. With `length` 0, `bodyEnd` is called at once. */
  read(reader: BodyReader): void;
  /** Stop and go on; allowed at any time, also inside bodyData. */
  pause(): void;
  resume(): void;
}
