/**
 * Answers that this server makes up itself: small HTML pages in nginx's plain manner, without a server name or version,
 * and short plain texts. Pages are prepared once per status. What the client sent is never shown in them, but for a request id that its proxy vouches for.
 * Not here: HEAD, Date, framing (the session's business), and which extra fields a status demands (Allow for 405,
 * Retry-After for 503, Content-Range for 416): the caller knows their values.
 */
import { EMPTY } from "../base/bytes.ts";
import { Fields } from "../protocol/http/fields.ts";
import { hasNoContent, LENGTH_UNKNOWN, PreparedHead, type ReplyHead } from "../protocol/http/message.ts";
import { reasonPhrase } from "../protocol/http/status.ts";
import type { Exchange } from "./exchange.ts";
import type { Reply } from "./reply.ts";

export interface ErrorPage {
  readonly fields: Fields;
  readonly content: Buffer;
}

/** Answers with the page of `status`, `extra` fields added; the one that the configuration names, if it does. A reply that
 *  has begun cannot become an error any more: it is aborted, so that the client sees that it is not whole. Of a client
 *  that left, or has its reply, nothing is asked. */
export function answer(exchange: Exchange, status: number, extra?: Fields): void {
  const { reply } = exchange;
  switch (reply.state) {
    case "waiting":
      if (exchange.errorPages?.answer(exchange, status, extra) === true) return;
      return plainAnswer(reply, status, extra);
    case "started":
      return reply.abort(`the reply was under way when it failed with ${status}`);
    case "finished":
    case "gone":
      return;
  }
}

/** The plain page, whatever the configuration names. Nothing was sent yet. */
export function plainAnswer(reply: Reply, status: number, extra?: Fields): void {
  reply.whole(pageHead(status, extra), errorPage(status).content);
}

/** As `answer`, for a failure of which the log says more: a field and our own page name the request by which it is found
 *  there. */
export function answerTraced(exchange: Exchange, status: number): void {
  const { requestId } = exchange;
  answerWith(exchange, status, `Request ${requestId}`, Fields.of([["X-Request-Id", requestId]]));
}

/** As `answer`; our own page has `detail`, which is HTML, below its title. */
export function answerWith(exchange: Exchange, status: number, detail: string, extra?: Fields): void {
  const { reply } = exchange;
  if (reply.state !== "waiting") return answer(exchange, status, extra);
  if (exchange.errorPages?.answer(exchange, status, extra) === true) return;
  const { content } = makePage(status, `<center>${detail}</center>\r\n`);
  reply.whole({ ...pageHead(status, extra), length: content.length }, content);
}

/** A short text as the whole reply; `type` is its Content-Type. */
export function plainReply(exchange: Exchange, status: number, type: string, body: string): void {
  const content = Buffer.from(body, "utf8");
  const fields = Fields.of([["Content-Type", type]]);
  exchange.reply.whole({ status, reason: undefined, fields, length: content.length }, content);
}

const pages = new Map<number, ErrorPage>();
const heads = new Map<number, ReplyHead>();

/** One object per status: neither its fields nor its content may be changed. */
export function errorPage(status: number): ErrorPage {
  const known = pages.get(status);
  if (known !== undefined) return known;
  const made = makePage(status);
  pages.set(status, made);
  return made;
}

/** `detail` is HTML. */
function makePage(status: number, detail = ""): ErrorPage {
  if (hasNoContent(status)) return { fields: new Fields(), content: EMPTY };
  const title = `${status} ${reasonPhrase(status)}`.trim();
  const html =
    `<html>\r\n<head><title>${title}</title></head>\r\n` +
    `<body>\r\n<center><h1>${title}</h1></center>\r\n${detail}</body>\r\n</html>\r\n`;
  return { fields: Fields.of([["Content-Type", "text/html"]]), content: Buffer.from(html, "latin1") };
}

function pageHead(status: number, extra: Fields | undefined): ReplyHead {
  if (extra !== undefined) return headWith(status, extra);
  const known = heads.get(status);
  if (known !== undefined) return known;
  const made: ReplyHead = { ...headWith(status, new Fields()), prepared: new PreparedHead() };
  heads.set(status, made);
  return made;
}

function headWith(status: number, extra: Fields): ReplyHead {
  const page = errorPage(status);
  const fields = Fields.of(page.fields.pairs());
  for (let i = 0; i < extra.length; i++) {
    // Both arrays have `length` elements.
    fields.add(extra.names[i] as Fields["names"][number], extra.values[i] as string);
  }
  // A 304 would announce the length of the 200 that it stands for, which is not known here.
  const length = status === 304 ? LENGTH_UNKNOWN : page.content.length;
  return { status, reason: undefined, fields, length };
}
