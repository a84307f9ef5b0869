/**
 * A request that this server makes of itself while it answers another one: for the page of an error, or because a route
 * passes on what it has no file for. It has its own path and route; client, fields and identity are those of the first,
 * which alone is in the access log. How deep this goes is bounded, so that two routes cannot play ball.
 */
import { type FieldName, Fields } from "../protocol/http/fields.ts";
import type { BodyReader, RequestBody } from "./body.ts";
import { answer } from "./canned.ts";
import { Exchange, type Handler } from "./exchange.ts";
import { pathReference } from "./location.ts";
import type { Reply } from "./reply.ts";
import { isBelow } from "./router.ts";

/** As in nginx, where the eleventh is a 500. */
export const INTERNAL_DEPTH_MAX = 10;

export const NO_BODY: RequestBody = {
  length: 0,
  read: (reader: BodyReader) => reader.bodyEnd(),
  pause: () => {},
  resume: () => {},
};

/** The same request for another path (text of the configuration). */
export function passOn(exchange: Exchange, path: string, dispatch: Handler): void {
  if (exchange.depth >= INTERNAL_DEPTH_MAX) return answer(exchange, 500);
  const { head, body, reply } = exchange;
  const moved = { ...head, ...movedTo(path, head.query) };
  dispatch(inside(exchange, moved, body, reply));
}

/** The same request for another target, in the same route until another one is chosen. Of a path that has left the prefix of the
 *  route nothing is taken off (nginx: valid_location). */
export function moveTo(exchange: Exchange, to: InsideTarget, reply: Reply): Exchange {
  const moved = inside(exchange, { ...exchange.head, ...to }, exchange.body, reply);
  moved.headerRules = exchange.headerRules;
  moved.errorPages = exchange.errorPages;
  moved.mount = isBelow(to.path, exchange.mount) ? exchange.mount : "";
  moved.bodyBytesMax = exchange.bodyBytesMax;
  moved.captures = exchange.captures;
  moved.account = exchange.account;
  return moved;
}

/** A GET (or HEAD) for `path`, without body, conditions and ranges, whose answer goes to `reply`. */
export function askForPage(
  exchange: Exchange,
  path: string,
  reply: Reply,
  method = exchange.head.method === "HEAD" ? "HEAD" : "GET",
): Exchange {
  const { head } = exchange;
  const page = {
    ...head,
    ...movedTo(path, undefined),
    form: "origin" as const,
    method,
    fields: withoutConditions(head.fields),
    bodyLength: 0,
    expectsContinue: false,
    upgrade: undefined,
  };
  return inside(exchange, page, NO_BODY, reply);
}

/** A question beside the request: a GET for `path` with its fields, but without its body and what speaks of it. The head of
 *  the reply is the answer. */
export function askAside(exchange: Exchange, path: string, reply: Reply): Exchange {
  const asked = askForPage(exchange, path, reply, "GET");
  asked.headDecides = true;
  // What is asked here is not what the request itself asks upstreams.
  asked.upstreamAttempts = [];
  return asked;
}

/** Where an exchange inside the server leads: a target that was parsed already, as a client's would be. */
export type InsideTarget = Pick<Exchange["head"], "path" | "rawPath" | "query" | "target">;

/** What X-Accel-Redirect asks for: a GET (or HEAD) without body; conditions and ranges of the client hold there. */
export function redirectInside(exchange: Exchange, to: InsideTarget, reply: Reply): Exchange {
  const { head } = exchange;
  const { path, rawPath, query, target } = to;
  const redirected = {
    ...head,
    path,
    rawPath,
    query,
    target,
    form: "origin" as const,
    method: head.method === "HEAD" ? "HEAD" : "GET",
    fields: withoutBody(head.fields),
    bodyLength: 0,
    expectsContinue: false,
    upgrade: undefined,
  };
  return inside(exchange, redirected, NO_BODY, reply);
}

function movedTo(path: string, query: string | undefined) {
  const bytes = Buffer.from(path, "utf8").latin1Slice();
  const rawPath = pathReference(bytes);
  return { path: bytes, rawPath, query, target: query === undefined ? rawPath : `${rawPath}?${query}` };
}

function inside(outer: Exchange, head: Exchange["head"], body: RequestBody, reply: Reply): Exchange {
  const { id, protocol, params, startedMs, connectionPeer, connection } = outer;
  const facts = { id, head, peer: connectionPeer, body, reply, protocol, params, startedMs, connection };
  const inner = new Exchange(facts);
  inner.peer = outer.peer;
  inner.site = outer.site;
  inner.remoteUser = outer.remoteUser;
  inner.forwarding = outer.forwarding;
  inner.forwardedHost = outer.forwardedHost;
  inner.hostCaptures = outer.hostCaptures;
  inner.passesUnderscores = outer.passesUnderscores;
  inner.clientHead = outer.clientHead;
  inner.authFields = outer.authFields;
  inner.depth = outer.depth + 1;
  inner.upgrader = outer.upgrader;
  inner.requestId = outer.requestId;
  inner.upstreamAttempts = outer.upstreamAttempts ??= [];
  return inner;
}

function withoutBody(fields: Fields): Fields {
  const kept = new Fields();
  for (let i = 0; i < fields.length; i++) {
    const name = fields.names[i] as FieldName;
    const { lower } = name;
    if (lower.startsWith("content-") || (DROPPED.has(lower) && lower !== "range")) continue;
    kept.add(name, fields.values[i] as string);
  }
  return kept;
}

/** The same request in another form, made where this one is: behind its guards, in its route. What maps found for the
 *  first form is not carried over. Its errors are the caller's. */
export function onBehalfOf(outer: Exchange, head: Exchange["head"], body: RequestBody, reply: Reply): Exchange {
  const inner = inside(outer, head, body, reply);
  inner.depth = outer.depth;
  inner.upgrader = undefined;
  inner.mount = outer.mount;
  inner.bodyBytesMax = outer.bodyBytesMax;
  inner.captures = outer.captures;
  return inner;
}

/** A page answered 304 or 206 would not be the page. */
function withoutConditions(fields: Fields): Fields {
  const kept = new Fields();
  for (let i = 0; i < fields.length; i++) {
    const name = fields.names[i] as FieldName;
    const { lower } = name;
    if (lower.startsWith("if-") || lower.startsWith("content-") || DROPPED.has(lower)) continue;
    kept.add(name, fields.values[i] as string);
  }
  return kept;
}

const DROPPED: ReadonlySet<string> = new Set(["range", "transfer-encoding", "expect", "upgrade", "connection", "te"]);
