/**
 * The handler of `redirect` routes. `to` is a URL or a path; in it `$request_uri` stands for the path and query as
 * the client sent them and `$host` for the host it asked for. Whatever the client sent, Location stays one field of one
 * line, and a `to` that begins with `/` or `$request_uri` stays on this host (`//x` would name the host x).
 */
import { assert } from "../base/assert.ts";
import { Fields } from "../protocol/http/fields.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import { answer } from "./canned.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { oneSlash, safeTarget } from "./location.ts";

export interface RedirectOptions {
  readonly to: string;
  /** 301, 302, 303, 307 or 308. */
  readonly status: number;
}

type Part =
  { readonly kind: "text"; readonly text: string } | { readonly kind: "request_uri" } | { readonly kind: "host" };

export function makeRedirectHandler(options: RedirectOptions): Handler {
  const { to, status } = options;
  const parts = parseTemplate(to);
  const local = to.startsWith("$request_uri") || (to.startsWith("/") && !to.startsWith("//"));
  return (exchange) => {
    let location = "";
    for (const part of parts) location += expand(part, exchange);
    answer(exchange, status, Fields.of([["Location", local ? oneSlash(location) : location]]));
  };
}

/** Values are put in once and never looked at for further variables. */
function parseTemplate(to: string): Part[] {
  const pieces = to.split(/(\$[A-Za-z_][A-Za-z0-9_]*)/).filter((piece) => piece !== "");
  return pieces.map((piece) => {
    if (piece === "$request_uri") return { kind: "request_uri" };
    if (piece === "$host") return { kind: "host" };
    assert(!/^\$[A-Za-z_]/.test(piece), `a redirect knows $request_uri and $host, not ${piece}`);
    return { kind: "text", text: safeTarget(Buffer.from(piece, "utf8").toString("latin1")) };
  });
}

function expand(part: Part, exchange: Exchange): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "request_uri":
      return requestUri(exchange.head);
    case "host":
      return exchange.head.host === "" ? ownHost(exchange) : safeTarget(exchange.head.host);
  }
}

/** nginx's $request_uri, but of an absolute-form target only its path: a host must not be put behind a host. */
function requestUri(head: RequestHead): string {
  const path = head.rawPath.startsWith("/") ? head.rawPath : "/";
  const target = head.query === undefined ? path : `${path}?${head.query}`;
  return safeTarget(target);
}

/** An HTTP/1.0 client need not name a host: the address it reached is one that works. */
function ownHost(exchange: Exchange): string {
  const { localAddress } = exchange.peer;
  if (localAddress.startsWith("unix:")) return "localhost";
  return localAddress.includes(":") ? `[${localAddress}]` : localAddress;
}
