/**
 * One request and its reply, whatever protocol carried it: HTTP/1.1 and the uwsgi protocol today, HTTP/2 later.
 * A handler is a function of an exchange; it answers through `exchange.reply`, now or later, exactly once.
 */
import type { TlsFacts } from "../net/tls-facts.ts";
import type { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead, RequestHead } from "../protocol/http/message.ts";
import type { RequestBody } from "./body.ts";
import type { Forwarding } from "./forwarding.ts";
import type { MapResult } from "./map.ts";
import type { Reply } from "./reply.ts";
import type { HeaderRules } from "./reply-headers.ts";
import { requestIdOf } from "./request-id.ts";
import type { Upgrader } from "./tunnel.ts";
import type { UpstreamAttempt } from "./upstream-attempt.ts";

/** Where the request came from. One object per connection, shared by its exchanges. */
export interface Peer {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Scheme https, as far as it can be believed. */
  readonly secure: boolean;
  /** Of a connection that is encrypted by us. */
  readonly tls?: TlsFacts | undefined;
}

/** What is known of the connection that carries an exchange; one object for all of its exchanges. */
export interface ConnectionFacts {
  /** Unique in the server until it restarts. */
  readonly number: number;
  /** base/clock monotonicMs. */
  readonly openedMs: number;
  /** Begun on it so far, this one included. */
  readonly requests: number;
}

/** Configured answers in place of the plain error pages. */
export interface ErrorAnswers {
  /** Also in place of what an app or upstream answers, where that is asked for: not while a page is being made. */
  readonly intercepts: boolean;
  /** False: there is none for this status, and nothing was done. `extra`: fields that the status demands. */
  answer(exchange: Exchange, status: number, extra: Fields | undefined): boolean;
}

/** Where an exchange is booked when it is over: the access log of its site, the numbers of its route. */
export interface Account {
  finished(exchange: Exchange): void;
}

/** What a response cache had to do with a reply ($upstream_cache_status). As nginx names them. */
export type CacheStatus = "HIT" | "MISS" | "BYPASS" | "EXPIRED" | "STALE" | "REVALIDATED";

export type Handler = (exchange: Exchange) => void;

/** What must stay as long as exchanges are under way that began with it. */
export interface Tenancy {
  /** How many. */
  users: number;
}

/**
 * Made for an exchange when the first of these is set. Every request has an exchange, in memory that the processor has not at hand and
 * that is collected: 26 properties are the most that fit in 224 bytes, the engine's next size is 320.
 */
class Rare {
  clientHead: RequestHead | undefined = undefined;
  remoteUser = "";
  authFields: Fields | undefined = undefined;
  forwardedHost = "";
  headDecides = false;
  depth = 0;
  upgrader: Upgrader | undefined = undefined;
  hostCaptures: RegExpExecArray | undefined = undefined;
  captures: RegExpExecArray | undefined = undefined;
  ruleCaptures: RegExpExecArray | undefined = undefined;
  cacheStatus: CacheStatus | undefined = undefined;
  accelExpires: string | undefined = undefined;
  accelLimitRate = 0;
  mapResults: (MapResult | undefined)[] | undefined = undefined;
  requestId = "";
}

/** Of all that have none; nobody writes to it. */
const NOTHING_RARE = new Rare();

export class Exchange {
  /** Names this request in logs and in the app channel; unique in its front thread. */
  readonly id: number;
  readonly head: RequestHead;
  /** The client as far as it is known: the connection's other end, or whom a trusted proxy says (client-address.ts). */
  peer: Peer;
  readonly body: RequestBody;
  /** Where the answer goes. A handler that stands around others may put its own in front (intercept.ts). */
  reply: Reply;
  /** `HTTP/1.1`, as the access log and SERVER_PROTOCOL show it. */
  readonly protocol: string;
  /** CGI variables from a gateway in front of us (uwsgi protocol); undefined when the client speaks HTTP to us. */
  readonly params: ReadonlyMap<string, string> | undefined;
  /** base/clock monotonicMs at the first byte of the request. */
  readonly startedMs: number;
  /** Undefined where there is none (server explain). */
  readonly connection: ConnectionFacts | undefined;

  /** Canonical name of the site that answers; "" before one is chosen. */
  site = "";
  /** Undefined before a site is chosen. */
  account: Account | undefined = undefined;
  /** Path prefix of the route that matched, without its closing slash: SCRIPT_NAME of an app mounted there. */
  mount = "";
  /** Largest body this route takes, bytes; 0 for no bound. */
  bodyBytesMax = 0;
  /** The error pages in force here; undefined for the plain ones, and while one is being made (error-pages.ts). */
  errorPages: ErrorAnswers | undefined = undefined;
  /** May X-Forwarded-For and its like be believed and passed on? See forwarding.ts. */
  forwarding: Forwarding;
  /** The connection's own other end, whoever the client is. */
  readonly connectionPeer: Peer;
  /** What is done to the fields of the reply, whoever makes it; see reply-headers.ts. */
  headerRules: HeaderRules | undefined = undefined;
  /** Fields whose names hold `_` reach applications and upstreams; see field-spelling.ts. */
  passesUnderscores = false;
  /** The head of the final reply, as it was sent; undefined before. */
  replyHead: ReplyHead | undefined = undefined;
  /** Known when the exchange is over: the status (499 when the client left before), and the bytes of content sent. */
  finalStatus = 0;
  contentBytes = 0;
  /** Then, too: all bytes sent, and those received for this request, heads and framing included. */
  bytesSent = 0;
  requestBytes = 0;
  /** The upstream servers that were asked, in turn; undefined for none. */
  upstreamAttempts: UpstreamAttempt[] | undefined = undefined;
  /** The configuration that serves it, whatever came after; undefined for exchanges inside the server. */
  tenancy: Tenancy | undefined = undefined;
  private rare = NOTHING_RARE;

  constructor(facts: ExchangeFacts) {
    this.id = facts.id;
    this.head = facts.head;
    this.peer = facts.peer;
    this.connectionPeer = facts.peer;
    this.body = facts.body;
    this.reply = facts.reply;
    this.protocol = facts.protocol;
    this.params = facts.params;
    this.forwarding = facts.params === undefined ? "refused" : "believed";
    this.startedMs = facts.startedMs;
    this.connection = facts.connection;
  }

  /** It is over, and nobody knows of it any more (Reply.resign): nor does it of what served it. */
  forget(): void {
    this.site = "";
    this.account = undefined;
    this.mount = "";
    this.bodyBytesMax = 0;
    this.errorPages = undefined;
    this.headerRules = undefined;
    this.passesUnderscores = false;
    this.replyHead = undefined;
    this.finalStatus = 0;
    this.contentBytes = 0;
    this.bytesSent = 0;
    this.requestBytes = 0;
    this.upstreamAttempts = undefined;
    this.tenancy = undefined;
    this.rare = NOTHING_RARE;
  }

  /** Becomes what a new one with these facts would be, after `forget`. */
  renew(facts: ExchangeFacts): void {
    takeFacts(this, facts);
  }

  // ── what most exchanges never have (Rare) ───────────────────────────────────────────────────────────────────────

  /** What the client itself asked for: another one than `head` inside the server (internal.ts). */
  get clientHead(): RequestHead {
    return this.rare.clientHead ?? this.head;
  }
  set clientHead(head: RequestHead) {
    if (head !== this.clientHead) this.ownRare().clientHead = head;
  }

  /** The user that this server has verified (basic-auth.ts), bytes as latin-1; "" for none. Never what a client says. */
  get remoteUser(): string {
    return this.rare.remoteUser;
  }
  set remoteUser(value: string) {
    if (value !== this.rare.remoteUser) this.ownRare().remoteUser = value;
  }

  /** Of the reply that let it pass; see auth-request.ts. */
  get authFields(): Fields | undefined {
    return this.rare.authFields;
  }
  set authFields(value: Fields | undefined) {
    if (value !== this.rare.authFields) this.ownRare().authFields = value;
  }

  /** The host that the client named to a trusted proxy, as its Forwarded field says; "" for none. */
  get forwardedHost(): string {
    return this.rare.forwardedHost;
  }
  set forwardedHost(value: string) {
    if (value !== this.rare.forwardedHost) this.ownRare().forwardedHost = value;
  }

  /** The head of the reply is wanted as soon as it is there, whether or not content follows. */
  get headDecides(): boolean {
    return this.rare.headDecides;
  }
  set headDecides(value: boolean) {
    if (value !== this.rare.headDecides) this.ownRare().headDecides = value;
  }

  /** How many exchanges inside the server this one came through (internal.ts). */
  get depth(): number {
    return this.rare.depth;
  }
  set depth(value: number) {
    if (value !== this.rare.depth) this.ownRare().depth = value;
  }

  /** Of a request that asks for another protocol: makes a tunnel of its connection. Undefined where that cannot be. */
  get upgrader(): Upgrader | undefined {
    return this.rare.upgrader;
  }
  set upgrader(value: Upgrader | undefined) {
    if (value !== this.rare.upgrader) this.ownRare().upgrader = value;
  }

  /** What the regular expressions of the site's name and of the route found; `$1` and `$name` come from them. */
  get hostCaptures(): RegExpExecArray | undefined {
    return this.rare.hostCaptures;
  }
  set hostCaptures(value: RegExpExecArray | undefined) {
    if (value !== this.rare.hostCaptures) this.ownRare().hostCaptures = value;
  }

  get captures(): RegExpExecArray | undefined {
    return this.rare.captures;
  }
  set captures(value: RegExpExecArray | undefined) {
    if (value !== this.rare.captures) this.ownRare().captures = value;
  }

  /** … and those of the rule that decides; see rules.ts. */
  get ruleCaptures(): RegExpExecArray | undefined {
    return this.rare.ruleCaptures;
  }
  set ruleCaptures(value: RegExpExecArray | undefined) {
    if (value !== this.rare.ruleCaptures) this.ownRare().ruleCaptures = value;
  }

  /** Undefined where there is no cache; see src/cache. */
  get cacheStatus(): CacheStatus | undefined {
    return this.rare.cacheStatus;
  }
  set cacheStatus(value: CacheStatus | undefined) {
    if (value !== this.rare.cacheStatus) this.ownRare().cacheStatus = value;
  }

  /** X-Accel-Limit-Rate of an upstream's reply, bytes per second; 0 for none. */
  get accelLimitRate(): number {
    return this.rare.accelLimitRate;
  }
  set accelLimitRate(value: number) {
    if (value !== this.rare.accelLimitRate) this.ownRare().accelLimitRate = value;
  }

  /** X-Accel-Expires of an upstream's reply, which no client sees. */
  get accelExpires(): string | undefined {
    return this.rare.accelExpires;
  }
  set accelExpires(value: string | undefined) {
    if (value !== this.rare.accelExpires) this.ownRare().accelExpires = value;
  }

  /** Results of [map.NAME] tables by their number, as far as they were asked for; see map.ts. */
  get mapResults(): (MapResult | undefined)[] | undefined {
    return this.rare.mapResults;
  }
  set mapResults(value: (MapResult | undefined)[] | undefined) {
    if (value !== this.rare.mapResults) this.ownRare().mapResults = value;
  }

  /** 32 hexadecimal digits, made when first asked for; or what a trusted peer called the request. Set by an exchange
   *  inside the server, which goes by the name of its first. */
  get requestId(): string {
    const rare = this.ownRare();
    if (rare.requestId === "") rare.requestId = requestIdOf(this);
    return rare.requestId;
  }
  set requestId(id: string) {
    this.ownRare().requestId = id;
  }

  private ownRare(): Rare {
    if (this.rare === NOTHING_RARE) this.rare = new Rare();
    return this.rare;
  }
}

type Renewed = { -readonly [Name in keyof Exchange]: Exchange[Name] };

function takeFacts(exchange: Renewed, facts: ExchangeFacts): void {
  exchange.id = facts.id;
  exchange.head = facts.head;
  exchange.peer = facts.peer;
  exchange.connectionPeer = facts.peer;
  exchange.body = facts.body;
  exchange.reply = facts.reply;
  exchange.protocol = facts.protocol;
  exchange.params = facts.params;
  exchange.forwarding = facts.params === undefined ? "refused" : "believed";
  exchange.startedMs = facts.startedMs;
  exchange.connection = facts.connection;
}

export interface ExchangeFacts {
  readonly id: number;
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly body: RequestBody;
  readonly reply: Reply;
  readonly protocol: string;
  readonly params: ReadonlyMap<string, string> | undefined;
  readonly startedMs: number;
  readonly connection?: ConnectionFacts | undefined;
}
