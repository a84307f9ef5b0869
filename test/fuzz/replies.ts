/**
 * The replies on a connection as a client reads them, strictly and apart from the product's own codec: what cannot be read is
 * said, never guessed at.
 */

export interface ReadReply {
  readonly status: number;
  readonly content: string;
  /** Does it say that the connection closes? */
  readonly closes: boolean;
  readonly complete: boolean;
}

const CUT_WITHIN_HEAD: ReadReply = { status: 0, content: "", closes: false, complete: false };

/** How the stream ended, if it did. */
export type StreamEnd = "open" | "ended" | "aborted";

/** `methods` of the requests in order; replies beyond them are read as replies to GET. */
export function readReplies(output: string, methods: readonly string[], ended: StreamEnd): ReadReply[] {
  const replies: ReadReply[] = [];
  let rest = output;
  while (rest !== "") {
    const head = /^HTTP\/1\.1 (\d{3}) ([^\r\n]*)\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\r\n]*\r\n)*)\r\n/.exec(rest);
    if (head === null && ended === "aborted" && !rest.includes("\r\n\r\n")) return [...replies, CUT_WITHIN_HEAD];
    if (head === null) throw new Error(`no reply: ${JSON.stringify(rest.slice(0, 200))}`);
    rest = rest.slice(head[0].length);
    const status = Number(head[1]);
    if (status === 100) continue;
    const lines = (head[3] ?? "").toLowerCase();
    const body = readBody(rest, lines, methods[replies.length] ?? "GET", status, ended === "ended");
    rest = rest.slice(body.length);
    replies.push({
      status,
      content: body.content,
      complete: body.complete,
      closes: /^connection: close\r$/m.test(lines),
    });
  }
  return replies;
}

interface Body {
  readonly content: string;
  readonly length: number;
  readonly complete: boolean;
}

function readBody(rest: string, lines: string, method: string, status: number, ended: boolean): Body {
  if (method === "HEAD" || status === 204 || status === 304) return { content: "", length: 0, complete: true };
  const length = /^content-length: (\d+)\r$/m.exec(lines)?.[1];
  const chunked = /^transfer-encoding: chunked\r$/m.test(lines);
  if (chunked && length !== undefined) throw new Error("a reply with both Content-Length and Transfer-Encoding");
  if (chunked) return readChunked(rest);
  if (length === undefined) return { content: rest, length: rest.length, complete: ended };
  const content = rest.slice(0, Number(length));
  return { content, length: content.length, complete: content.length === Number(length) };
}

function readChunked(rest: string): Body {
  let content = "";
  for (let at = 0; ;) {
    const line = /^([0-9a-f]+)\r\n/.exec(rest.slice(at, at + 20));
    if (line === null) return cutShort(rest, content, at);
    const size = parseInt(line[1] as string, 16); // the group is not optional
    const end = at + line[0].length + size;
    if (rest.slice(end, end + 2) !== "\r\n") return cutShort(rest, content, at);
    if (size === 0) return { content, length: end + 2, complete: true };
    content += rest.slice(at + line[0].length, end);
    at = end + 2;
  }
}

/** Only the end of what was sent may lack something. */
function cutShort(rest: string, content: string, at: number): Body {
  if (/HTTP\/1\.1 \d{3} /.test(rest.slice(at, at + 20))) throw new Error("a reply within the chunks of another");
  return { content, length: rest.length, complete: false };
}
