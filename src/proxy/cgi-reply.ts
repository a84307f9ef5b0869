/**
 * Replies of CGI-like upstreams (uwsgi): an HTTP/1 reply, or header fields alone with the status in a `Status` field
 * (RFC 3875 section 6.3.3), as nginx's uwsgi module takes both. The second form is given a status line; everything else,
 * every refusal too, is protocol/http1's.
 *
 *   HTTP/1.1 404 Not Found CRLF fields…         as it is
 *   Status: 404 Not Found CRLF fields…          HTTP/1.0 404 Not Found CRLF fields…
 *   Location: /x CRLF fields…                   HTTP/1.0 302 …  (RFC 3875 section 6.2.3); without Location 200
 */
import { concat, fromLatin1, latin1 } from "../base/bytes.ts";
import { ClientConnection } from "../protocol/http1/client.ts";
import { Intake } from "../protocol/http1/intake.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import type { ResponseMemo } from "../protocol/http1/response-memo.ts";
import type { ReplyEvent, ReplyParser, UpstreamReplyHead } from "./dialect.ts";

const STATUS_LINE_BEGIN = Buffer.from("HTTP/");
const HEAD_END = "\r\n\r\n";

/** `undecided` until it is known which form this is. */
type Form = "undecided" | "fields" | "http";

export class CgiReplyParser implements ReplyParser {
  private readonly http: ClientConnection;
  private form: Form = "undecided";
  private readonly intake = new Intake();
  /** How far the end of the head has been looked for. */
  private searched = 0;

  /** `memo`: of heads that came before; shared. */
  constructor(memo?: ResponseMemo) {
    this.http = new ClientConnection(DEFAULT_HEAD_LIMITS, memo);
  }

  get head(): UpstreamReplyHead {
    return this.http.head;
  }

  get data(): Uint8Array {
    return this.http.data;
  }

  get failure(): { readonly code: string; readonly message: string } {
    return this.http.failure;
  }

  get surplus(): boolean {
    return this.http.surplus;
  }

  expect(method: string): void {
    this.form = "undecided";
    this.intake.clear();
    this.searched = 0;
    this.http.expect(method);
  }

  receive(bytes: Uint8Array): void {
    if (this.form === "http") return this.http.receive(bytes);
    this.intake.append(bytes);
    if (this.form === "undecided") this.decide();
    if (this.form === "fields") this.translate();
  }

  own(): void {
    this.intake.own();
    this.http.own();
  }

  get mayEndWithConnection(): boolean {
    return this.form !== "http" || this.http.mayEndWithConnection;
  }

  receivedEnd(isCertain = true): void {
    if (this.form === "fields") this.passOn(withStatus("200 OK", this.takeHeld()));
    else if (this.intake.length > 0) this.passOn(this.takeHeld());
    this.http.receivedEnd(isCertain);
  }

  next(): ReplyEvent {
    return this.http.next();
  }

  private decide(): void {
    const { bytes, start, length } = this.intake;
    // As a loop: a call out of JavaScript for five bytes was a twentieth of what our own code does for a request.
    const count = Math.min(length, STATUS_LINE_BEGIN.length);
    for (let i = 0; i < count; i++) {
      if (bytes[start + i] !== STATUS_LINE_BEGIN[i]) return void (this.form = "fields");
    }
    if (count === STATUS_LINE_BEGIN.length) this.passOn(this.takeHeld());
  }

  /** Waits for the whole head: the status may stand in its last line. */
  private translate(): void {
    const { bytes, start, end, length } = this.intake;
    const found = bytes.subarray(start, end).indexOf(HEAD_END, Math.max(0, this.searched - HEAD_END.length));
    this.searched = length;
    if (found !== -1) return this.passOn(translated(this.takeHeld(), found + 2));
    // The codec's own bound on heads refuses what is too long.
    if (length > DEFAULT_HEAD_LIMITS.headBytesMax) this.passOn(withStatus("200 OK", this.takeHeld()));
  }

  private takeHeld(): Uint8Array {
    return this.intake.take(this.intake.length);
  }

  private passOn(bytes: Uint8Array): void {
    this.form = "http";
    this.http.receive(bytes);
  }
}

/** `fieldsLength`: bytes of the field lines, without the empty line. */
function translated(reply: Uint8Array, fieldsLength: number): Uint8Array {
  const lines = latin1(reply, 0, fieldsLength);
  const status = /(?:^|\r\n)status:[ \t]*([^\r\n]*)\r\n/i.exec(lines);
  const rest = reply.subarray(fieldsLength);
  const fields = status === null ? lines : lines.replace(/(^|\r\n)status:[^\r\n]*\r\n/i, "$1");
  return withStatus(statusOf(status?.[1], lines), concat(fromLatin1(fields), rest));
}

function withStatus(status: string, rest: Uint8Array): Uint8Array {
  return concat(fromLatin1(`HTTP/1.0 ${status}\r\n`), rest);
}

/** `404` alone is a status too; the status line has a space before an empty reason (RFC 9112 section 4). */
function statusOf(status: string | undefined, head: string): string {
  if (status === undefined) return /(?:^|\r\n)location:/i.test(head) ? "302 Found" : "200 OK";
  return /^\d{3}$/.test(status) ? `${status} ` : status;
}
