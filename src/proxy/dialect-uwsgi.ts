/**
 * The uwsgi protocol to an upstream (uWSGI, or this server's own uwsgi socket), as nginx's uwsgi_pass speaks it: one
 * packet with the variables of nginx's uwsgi_params, then the body; one connection for each request.
 */
import { type CgiSink, cgiVariables } from "../exchange/cgi.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { evaluate, type Template } from "../exchange/template.ts";
import { ResponseMemo } from "../protocol/http1/response-memo.ts";
import { PacketWriter } from "../protocol/uwsgi/packet.ts";
import { CgiReplyParser } from "./cgi-reply.ts";
import type { Dialect } from "./dialect.ts";
import type { ProxyOptions, UpstreamOptions } from "./options.ts";
import { RepeatedBytes } from "./repeated-bytes.ts";

export function makeUwsgiDialect(options: UpstreamOptions): Dialect {
  return new UwsgiDialect(options);
}

/** One for each front: requests are encoded one at a time. */
const packet = new PacketWriter();

class UwsgiDialect implements Dialect {
  readonly isHttpHop = false;
  readonly keepsAlive = false;
  readonly takesChunks = false;
  private readonly modifier1: number;
  private readonly modifier2: number;
  private readonly params: readonly { readonly name: string; readonly value: Template }[];
  private readonly sink: VariableFilter;
  private readonly memo = new ResponseMemo();
  /** Does no option look at the request? */
  private readonly isPlain: boolean;
  private readonly repeated = new RepeatedBytes();
  bytes: Buffer = packet.bytes;

  constructor(options: UpstreamOptions) {
    this.modifier1 = options.modifier1 ?? 0;
    this.modifier2 = options.modifier2 ?? 0;
    this.params = options.params ?? [];
    this.isPlain = this.params.every(({ value }) => value.constant !== undefined);
    this.sink = new VariableFilter(new Set(this.params.map(({ name }) => name)));
  }

  /** The protocol has no place for them. */
  passableTrailers(): undefined {
    return undefined;
  }

  makeParser(): CgiReplyParser {
    return new CgiReplyParser(this.memo);
  }

  encode(exchange: Exchange, bodyLength: number, _fallbackHost: string, route: ProxyOptions): number {
    const { repeated } = this;
    const alike = this.isAlike(exchange, bodyLength);
    const known = alike ? repeated.find(exchange, route) : undefined;
    this.bytes = known ?? packet.bytes;
    if (known !== undefined) return known.length;
    const made = this.write(exchange, bodyLength, route);
    if (made === undefined) return -1;
    if (alike) repeated.keep(exchange, route, made, made.length);
    return made.length;
  }

  /** Are head, route and connection all that its packet depends on? */
  private isAlike({ head, forwarding, remoteUser }: Exchange, bodyLength: number): boolean {
    if (head.repeats !== true || bodyLength !== 0 || !this.isPlain) return false;
    return forwarding !== "believed" && remoteUser === "";
  }

  private write(exchange: Exchange, bodyLength: number, route: ProxyOptions): Buffer | undefined {
    const { sink } = this;
    packet.reset();
    // uWSGI takes wsgi.url_scheme from X-Forwarded-Proto and X-Forwarded-SSL, whoever sent them: they are among these only
    // when a trusted proxy wrote them.
    sink.unlisted = exchange.params === undefined ? "SERVER_ADDR" : "";
    cgiVariables(exchange, bodyLength, sink);
    pathVariables(exchange, route, sink);
    if (exchange.params === undefined) absentVariables(exchange, sink);
    for (const { name, value } of this.params) {
      const text = evaluate(value, exchange);
      if (text !== "") packet.variable(name, text);
    }
    return packet.finish(this.modifier1, this.modifier2);
  }
}

/** nginx: PATH_INFO is $document_uri, the whole decoded path, and there is no SCRIPT_NAME. Without its prefix the two
 *  are divided as for an application that is mounted there. */
function pathVariables(exchange: Exchange, route: ProxyOptions, sink: CgiSink): void {
  const { head, mount } = exchange;
  const isBelow = route.stripPrefix === true && mount !== "" && head.path.startsWith(mount);
  if (isBelow) sink.variable("SCRIPT_NAME", mount);
  sink.variable("PATH_INFO", isBelow ? head.path.slice(mount.length) : head.path);
}

/** nginx's uwsgi_params sends these also when there is nothing to say. Here no route to an upstream has a document root. */
function absentVariables({ head }: Exchange, sink: CgiSink): void {
  if (!head.fields.has("content-type")) sink.variable("CONTENT_TYPE", "");
  sink.variable("DOCUMENT_ROOT", "");
}

/** What the configuration sets is not sent twice. */
class VariableFilter implements CgiSink {
  /** Not among nginx's uwsgi_params; "" where a gateway chose the variables. */
  unlisted = "";
  private readonly configured: ReadonlySet<string>;

  constructor(configured: ReadonlySet<string>) {
    this.configured = configured;
  }

  variable(name: string, value: string): void {
    if (name === this.unlisted) return;
    if (this.configured.size === 0 || !this.configured.has(name)) packet.variable(name, value);
  }
}
