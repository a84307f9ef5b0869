/**
 * Replies of CGI-like upstreams (uwsgi): an HTTP/1 reply, or header fields alone with the status in a `Status` field
 * (RFC 3875 section 6.3.3), as nginx's uwsgi module takes both. The second form is given a status line; everything else,
 * every refusal too, is protocol/http1's.
 *
 *   HTTP/1.1 404 Not Found CRLF fields…         as it is
 *   Status: 404 Not Found CRLF fields…          HTTP/1.0 404 Not Found CRLF fields…
 *   Location: /x CRLF fields…                   HTTP/1.0 302 …  (RFC 3875 section 6.2.3); without Location 200
 */
import { asBuffer, concat, EMPTY, fromLatin1, latin1 } from "../base/bytes.ts";
import { ClientConnection } from "../protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import type { ReplyEvent, ReplyParser, UpstreamReplyHead } from "./dialect.ts";

const STATUS_LINE_BEGIN = "HTTP/";
const HEAD_END = "\r\n\r\n";

/** `undecided` until it is known which form this is. */
type Form = "undecided" | "fields" | "http";

export class CgiReplyParser implements ReplyParser {
  private readonly http = new ClientConnection(DEFAULT_HEAD_LIMITS);
  private form: Form = "undecided";
  private held: Uint8Array = EMPTY;

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
    this.held = EMPTY;
    this.http.expect(method);
  }

  receive(bytes: Uint8Array): void {
    if (this.form === "http") return this.http.receive(bytes);
    this.held = concat(this.held, bytes);
    if (this.form === "undecided") this.decide();
    if (this.form === "fields") this.translate();
  }

  receivedEnd(): void {
    if (this.held.length > 0) this.passOn(this.held);
    this.http.receivedEnd();
  }

  next(): ReplyEvent {
    return this.http.next();
  }

  private decide(): void {
    const begin = latin1(this.held, 0, Math.min(this.held.length, STATUS_LINE_BEGIN.length));
    if (begin === STATUS_LINE_BEGIN) this.passOn(this.held);
    else if (!STATUS_LINE_BEGIN.startsWith(begin)) this.form = "fields";
  }

  /** Waits for the whole head: the status may stand in its last line. */
  private translate(): void {
    const end = asBuffer(this.held).indexOf(HEAD_END);
    if (end === -1) {
      // The codec's own bound on heads refuses what is too long.
      if (this.held.length > DEFAULT_HEAD_LIMITS.headBytesMax) this.passOn(this.withStatus("200 OK", this.held));
      return;
    }
    const head = latin1(this.held, 0, end + 2);
    const status = /(?:^|\r\n)status:[ \t]*([^\r\n]*)\r\n/i.exec(head);
    const rest = this.held.subarray(end + 2);
    const fields = status === null ? head : head.replace(/(^|\r\n)status:[^\r\n]*\r\n/i, "$1");
    this.passOn(this.withStatus(statusOf(status?.[1], head), concat(fromLatin1(fields), rest)));
  }

  private withStatus(status: string, rest: Uint8Array): Uint8Array {
    return concat(fromLatin1(`HTTP/1.0 ${status}\r\n`), rest);
  }

  private passOn(bytes: Uint8Array): void {
    this.form = "http";
    this.held = EMPTY;
    this.http.receive(bytes);
  }
}

/** `404` alone is a status too; the status line has a space before an empty reason (RFC 9112 section 4). */
function statusOf(status: string | undefined, head: string): string {
  if (status === undefined) return /(?:^|\r\n)location:/i.test(head) ? "302 Found" : "200 OK";
  return /^\d{3}$/.test(status) ? `${status} ` : status;
}
