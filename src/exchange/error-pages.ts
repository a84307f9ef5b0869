/**
 * Configured pages for errors (nginx: error_page): a file, a text, or what another path of the site is answered with.
 * Asked by `answer` (canned.ts) whenever this server makes up an error, and by intercept.ts for the errors of others.
 *
 * While a page is made there are no error pages: what fails then is answered with the plain page of the first error, so
 * an error of an error ends there. The status stays that of the error unless the page names one.
 */
import type { Log } from "../base/log.ts";
import { Fields } from "../protocol/http/fields.ts";
import { DelegatingReply } from "./delegating-reply.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { plainAnswer } from "./canned.ts";
import type { ErrorAnswers, Exchange, Handler } from "./exchange.ts";
import { escapeFor, evaluateEscaped } from "./escaped-template.ts";
import { askForPage, INTERNAL_DEPTH_MAX } from "./internal.ts";
import type { Reply } from "./reply.ts";
import { SmallFile } from "./small-file.ts";
import { evaluate, type Template } from "./template.ts";

/** It stays in memory. */
export const ERROR_PAGE_BYTES_MAX = 1024 * 1024;

export interface ErrorPageOptions {
  /** `404`, `5xx` */
  readonly statuses: readonly string[];
  readonly source: ErrorPageSource;
  /** Sent instead of the error's own; undefined for that. */
  readonly status: number | undefined;
}

export type ErrorPageSource =
  | { readonly kind: "file"; readonly path: string; readonly contentType: string }
  | { readonly kind: "respond"; readonly text: Template; readonly contentType: string }
  | { readonly kind: "route"; readonly path: string };

export interface ErrorPagesContext {
  /** Answers a path of the site, without guards: whoever is refused may see the page that says so. */
  readonly dispatch: Handler;
  readonly log: Log;
}

interface Failure {
  readonly exchange: Exchange;
  readonly status: number;
  readonly extra: Fields | undefined;
}

type Page = (failure: Failure) => void;

export class ErrorPages implements ErrorAnswers {
  readonly intercepts = true;
  private readonly pages: readonly { readonly statuses: ReadonlySet<string>; readonly page: Page }[];

  /** Of two pages that fit a status the first counts. */
  constructor(pages: readonly ErrorPageOptions[], context: ErrorPagesContext) {
    this.pages = pages.map((options) => ({
      statuses: new Set(options.statuses),
      page: makePage(options, context),
    }));
  }

  answer(exchange: Exchange, status: number, extra: Fields | undefined): boolean {
    const [name, family] = [String(status), `${Math.floor(status / 100)}xx`];
    const found = this.pages.find(({ statuses }) => statuses.has(name) || statuses.has(family));
    if (found === undefined) return false;
    exchange.errorPages = undefined;
    found.page({ exchange, status, extra });
    return true;
  }
}

function makePage(options: ErrorPageOptions, context: ErrorPagesContext): Page {
  const { source } = options;
  switch (source.kind) {
    case "file": {
      const file = new SmallFile(source.path, ERROR_PAGE_BYTES_MAX, (bytes) => bytes, context.log);
      return (failure) => sendPage(failure, options.status, source.contentType, file.get());
    }
    case "respond":
      return makeTextPage(source.text, source.contentType, options.status);
    case "route":
      return (failure) => sendRoute(failure, options.status, source.path, context);
  }
}

/** `$status` is that which is sent. */
function makeTextPage(text: Template, type: string, status: number | undefined): Page {
  if (text.constant !== undefined) {
    const content = Buffer.from(text.constant, "latin1");
    return (failure) => sendPage(failure, status, type, content);
  }
  const escape = escapeFor(type);
  return (failure) => {
    const { exchange } = failure;
    const sent = status ?? failure.status;
    exchange.replyHead = { status: sent, reason: undefined, fields: failure.extra ?? new Fields(), length: 0 };
    const page = escape === undefined ? evaluate(text, exchange) : evaluateEscaped(text, exchange, escape);
    sendPage(failure, sent, type, Buffer.from(page, "latin1"));
  };
}

function sendPage(failure: Failure, status: number | undefined, type: string, content: Buffer | undefined): void {
  const { reply } = failure.exchange;
  if (content === undefined) return plainAnswer(reply, failure.status, failure.extra);
  const fields = withExtra(Fields.of([["Content-Type", type]]), failure.extra);
  reply.whole({ status: status ?? failure.status, reason: undefined, fields, length: content.length }, content);
}

function sendRoute(failure: Failure, status: number | undefined, path: string, context: ErrorPagesContext): void {
  const { exchange } = failure;
  if (exchange.depth >= INTERNAL_DEPTH_MAX) return plainAnswer(exchange.reply, failure.status, failure.extra);
  const reply = new PageReply(exchange.reply, failure, status, context.log);
  const page = askForPage(exchange, path, reply);
  page.errorPages = reply;
  context.dispatch(page);
}

/** Puts the status of the error, and the fields that it demands, on what a route answers. */
class PageReply extends DelegatingReply implements ErrorAnswers {
  readonly intercepts = false;
  private readonly failure: Failure;
  private readonly chosen: number | undefined;
  private readonly log: Log;

  constructor(inner: Reply, failure: Failure, chosen: number | undefined, log: Log) {
    super(inner);
    this.failure = failure;
    this.chosen = chosen;
    this.log = log;
  }

  override whole(head: ReplyHead, content: Uint8Array): void {
    this.inner.whole(this.headOf(head), content);
  }

  override start(head: ReplyHead, more?: boolean): void {
    this.inner.start(this.headOf(head), more);
  }

  override end(): void {
    this.inner.end();
  }

  override abort(why: string): void {
    if (this.inner.state !== "waiting") return this.inner.abort(why);
    this.log.error(`the page for ${this.failure.status} could not be made: ${why}`);
    this.plain();
  }

  override interim(): void {}

  /** Has the page's route failed itself? A redirect, say, is no failure. */
  answer(_exchange: Exchange, status: number): boolean {
    if (status < 400) return false;
    this.log.error(`the page for ${this.failure.status} could not be made: its route has failed`);
    this.plain();
    return true;
  }

  private plain(): void {
    const { status, extra } = this.failure;
    this.inner.producer = undefined;
    plainAnswer(this.inner, status, extra);
  }

  /** A redirect is what it is: to a page for logging in, say. */
  private headOf(head: ReplyHead): ReplyHead {
    const { failure, chosen } = this;
    if (chosen === undefined && head.status >= 300 && head.status < 400) return head;
    const status = chosen ?? failure.status;
    const fields = withExtra(status < 400 ? Fields.of(head.fields.pairs()) : fieldsOfError(head.fields), failure.extra);
    return { status, reason: undefined, fields, length: head.length };
  }
}

/** What a page says of itself as a 200 is not true of the error: a browser that kept the page of a 404 for a month would not
 *  find what is there in a minute (nginx: expires and add_header do not hold for errors). That it must not be kept is. */
function fieldsOfError(fields: Fields): Fields {
  const kept = new Fields();
  for (const [name, value] of fields.pairs()) {
    const lower = name.toLowerCase();
    if (OF_THE_PAGE.has(lower) || (lower === "cache-control" && !FORBIDS_KEEPING.test(value))) continue;
    kept.add(name, value);
  }
  return kept;
}

const OF_THE_PAGE: ReadonlySet<string> = new Set(["accept-ranges", "age", "etag", "expires", "last-modified"]);
const FORBIDS_KEEPING = /\bno-(?:store|cache)\b/i;

function withExtra(fields: Fields, extra: Fields | undefined): Fields {
  for (const [name, value] of extra?.pairs() ?? []) fields.add(name, value);
  return fields;
}
