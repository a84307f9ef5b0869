/**
 * X-Accel-Redirect and X-Sendfile: an app or upstream answers with a head that names what is to be sent, and this server
 * sends it, while the app is free. As nginx does it (ngx_http_upstream_process_headers):
 *
 *   X-Accel-Redirect: /protected/a.pdf?x     another path of the site, routes marked `internal` too. HEAD stays HEAD, every
 *                                            other method becomes GET; conditions and ranges of the request hold there
 *   X-Sendfile: /srv/media/a.pdf             a file, below a directory that the configuration allows; else 500
 *
 * The first reply's content is dropped, of its fields those in KEPT_FIELDS go on. Every X-Accel-* field stays here, whether
 * it was followed or not. Redirects can lead to others, INTERNAL_DEPTH_MAX times.
 */
import type { Log } from "../base/log.ts";
import { type FieldName, Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { parseTarget } from "../protocol/http/target.ts";
import { answer } from "./canned.ts";
import { DelegatingReply } from "./delegating-reply.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { INTERNAL_DEPTH_MAX, redirectInside } from "./internal.ts";
import { safeTarget } from "./location.ts";
import { PacedReply } from "./paced-reply.ts";
import { ReplaceableReply } from "./replaceable-reply.ts";
import type { Reply } from "./reply.ts";

export interface AccelOptions {
  /** Answers another path of the site, of an exchange that came from inside. */
  readonly dispatch: Handler;
  /** As for the targets of clients. */
  readonly mergeSlashes: boolean;
  /** Answers with the file of this absolute path, bytes as latin-1. False, with nothing done: it lies in no directory that
   *  is allowed. */
  readonly sendFile: (exchange: Exchange, path: string) => boolean;
  readonly log: Log;
}

/** Of the first reply (nginx: `redirect` in ngx_http_upstream_headers_in). An empty value is as good as none: Django's
 *  way to have the type of the file. */
const KEPT_FIELDS: ReadonlySet<string> = new Set([
  "content-type",
  "content-disposition",
  "set-cookie",
  "cache-control",
  "expires",
  "accept-ranges",
]);

export function withAccel(next: Handler, options: AccelOptions): Handler {
  const spare: AcceleratedReply[] = [];
  return (exchange) => {
    const known = spare.pop();
    if (known === undefined) exchange.reply = new AcceleratedReply(exchange, options, spare);
    else known.standBefore(exchange);
    next(exchange);
  };
}

/** Replies of a route that have done their part, and may stand before others; see front/exchanges.ts. */
const SPARE_MAX = 64;

class AcceleratedReply extends ReplaceableReply {
  private readonly options: AccelOptions;
  private readonly spare: AcceleratedReply[];
  /** Does nobody know of it after the reply? */
  private resigns = false;

  constructor(exchange: Exchange, options: AccelOptions, spare: AcceleratedReply[]) {
    super(exchange);
    this.options = options;
    this.spare = spare;
  }

  standBefore(exchange: Exchange): void {
    this.exchange = exchange;
    this.inner = exchange.reply;
    this.resigns = false;
    exchange.reply = this;
  }

  override whole(head: ReplyHead, content: Uint8Array): void {
    super.whole(head, content);
    this.stepAside();
  }

  protected override lent(head: ReplyHead, content: Uint8Array): void {
    super.lent(head, content);
    this.stepAside();
  }

  /** Of a reply that was replaced its producer, and what answers in its place, know on. */
  private stepAside(): void {
    const { exchange, spare } = this;
    if (!this.resigns || this.replaced !== undefined || spare.length >= SPARE_MAX) return;
    // The exchange may serve another request by now.
    if (exchange.reply === this) exchange.reply = this.inner;
    spare.push(this);
  }

  /** The producer need not go on. */
  protected override dropped(): void {
    if (this.replaced === "started") this.replaced = "gone";
  }

  protected override replaces(head: ReplyHead): boolean {
    const { fields } = head;
    if (!speaksToUs(head) || this.inner.state !== "waiting") return false;
    const target = fields.get("x-accel-redirect") ?? "";
    const path = fields.get("x-sendfile") ?? "";
    if (target === "" && path === "") return false;
    this.past(() => (target === "" ? this.sendFile(path, fields) : this.redirect(target, fields)));
    return true;
  }

  /** Only of a reply that is passed on: what answers in its place knows of this exchange. */
  resign(): void {
    this.resigns = true;
  }

  protected override passed(head: ReplyHead): ReplyHead {
    if (this.resigns) this.inner.resign?.();
    return speaksToUs(head) ? withoutAccelFields(head) : head;
  }

  private redirect(target: string, fields: Fields): void {
    const { exchange, options } = this;
    const parsed = parseTarget("GET", safeTarget(target), options.mergeSlashes);
    if (!target.startsWith("/") || typeof parsed === "string") {
      return this.fail(404, `X-Accel-Redirect is no path of this site: ${JSON.stringify(target)}`);
    }
    if (exchange.depth >= INTERNAL_DEPTH_MAX) {
      return this.fail(500, `X-Accel-Redirect: more than ${INTERNAL_DEPTH_MAX} in turn: ${JSON.stringify(target)}`);
    }
    options.dispatch(this.makeInside(fields, { ...parsed, target: safeTarget(target) }));
  }

  private sendFile(path: string, fields: Fields): void {
    const { path: own, rawPath, query, target } = this.exchange.head;
    const inside = this.makeInside(fields, { path: own, rawPath, query, target });
    if (path.startsWith("/") && this.options.sendFile(inside, path)) return;
    const why = path.startsWith("/") ? "lies in no directory that sendfile_roots names" : "is no absolute path";
    this.fail(500, `X-Sendfile ${why}: ${JSON.stringify(path)}`);
  }

  private makeInside(fields: Fields, to: Parameters<typeof redirectInside>[1]): Exchange {
    const { exchange, inner } = this;
    const rate = exchange.accelLimitRate > 0 ? exchange.accelLimitRate : limitRateOf(fields);
    const paced = rate > 0 ? new PacedReply(inner, rate) : inner;
    const reply = new RedirectedReply(paced, exchange, keptFields(fields));
    const inside = redirectInside(exchange, to, reply);
    inside.headerRules = exchange.headerRules;
    inside.errorPages = exchange.errorPages;
    reply.inside = inside;
    return inside;
  }

  private fail(status: number, why: string): void {
    const { exchange, options } = this;
    options.log.error(`${exchange.head.method} ${exchange.head.target}: ${why}: answered ${status}`);
    answer(exchange, status);
  }
}

/** The reply of what was redirected to, with what is kept of the first one. */
class RedirectedReply extends DelegatingReply {
  /** Set as soon as there is one. */
  inside: Exchange | undefined = undefined;
  private readonly outer: Exchange;
  private readonly kept: Fields;

  constructor(inner: Reply, outer: Exchange, kept: Fields) {
    super(inner);
    this.outer = outer;
    this.kept = kept;
  }

  override whole(head: ReplyHead, content: Uint8Array): void {
    this.inner.whole(this.headOf(head), content);
  }

  override start(head: ReplyHead, more?: boolean): void {
    this.inner.start(this.headOf(head), more);
  }

  /** The header rules are those of the route that answers. Error pages were its business too. */
  private headOf(head: ReplyHead): ReplyHead {
    const { outer, inside } = this;
    outer.errorPages = undefined;
    outer.headerRules = inside?.headerRules;
    outer.captures = inside?.captures;
    const fields = Fields.of(head.fields.pairs());
    const { kept } = this;
    for (let i = 0; i < kept.length; i++) {
      const name = kept.names[i] as FieldName;
      if (name.lower === "set-cookie") fields.add(name, kept.values[i] as string);
      else if (mayKeep(head, name)) fields.set(name.text, kept.values[i] as string);
    }
    const { status, reason, length } = head;
    return { status, reason, fields, length };
  }
}

/** What describes the file does not describe an error; a 304 says what its 200 would have said to caches; the type of several ranges is
 *  what tells them apart. */
function mayKeep({ status, fields }: ReplyHead, name: FieldName): boolean {
  if (status === 304) return name.lower === "cache-control" || name.lower === "expires";
  if (name.lower === "content-type" && fields.get("content-type")?.startsWith("multipart/byteranges;")) return false;
  return status < 300;
}

/** X-Accel-Limit-Rate, bytes per second; 0 for none. */
export function limitRateOf(fields: Fields): number {
  const rate = fields.get("x-accel-limit-rate") ?? "";
  return /^\d{1,12}$/.test(rate) ? Number(rate) : 0;
}

function keptFields(fields: Fields): Fields {
  const kept = new Fields();
  for (let i = 0; i < fields.length; i++) {
    const name = fields.names[i] as FieldName;
    const value = fields.values[i] as string;
    if (KEPT_FIELDS.has(name.lower) && value !== "") kept.add(name, value);
  }
  return kept;
}

function speaksToUs({ fields, prepared }: ReplyHead): boolean {
  if (prepared === undefined) return hasAccelField(fields);
  return (prepared.speaksToUs ??= hasAccelField(fields));
}

function hasAccelField(fields: Fields): boolean {
  const { names } = fields;
  for (let i = 0; i < names.length; i++) if (isAccelField((names[i] as FieldName).lower)) return true;
  return false;
}

/** Most names are settled by two characters. */
function isAccelField(lower: string): boolean {
  if (lower.charCodeAt(0) !== 0x78 || lower.charCodeAt(1) !== 0x2d) return false;
  return lower === "x-sendfile" || lower.startsWith("x-accel-");
}

function withoutAccelFields({ status, reason, fields, length }: ReplyHead): ReplyHead {
  const passed = new Fields();
  for (let i = 0; i < fields.length; i++) {
    // Both arrays have `length` elements.
    const name = fields.names[i] as FieldName;
    if (!isAccelField(name.lower)) passed.add(name, fields.values[i] as string);
  }
  return { status, reason, fields: passed, length };
}
