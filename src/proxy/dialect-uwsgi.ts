/**
 * The uwsgi protocol to an upstream (uWSGI, or this server's own uwsgi socket), as nginx's uwsgi_pass speaks it: one
 * packet with the variables of nginx's uwsgi_params, then the body; one connection for each request.
 */
import { cgiVariables } from "../exchange/cgi.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { PacketWriter } from "../protocol/uwsgi/packet.ts";
import { CgiReplyParser } from "./cgi-reply.ts";
import type { Dialect } from "./dialect.ts";

export function makeUwsgiDialect(): Dialect {
  const packet = new PacketWriter();
  return {
    isHttpHop: false,
    keepsAlive: false,
    makeParser: () => new CgiReplyParser(),
    encode: (exchange: Exchange, bodyLength: number) => {
      packet.reset();
      // uWSGI takes wsgi.url_scheme from X-Forwarded-Proto and X-Forwarded-SSL, whoever sent them: they are among these only
      // when a trusted proxy wrote them.
      cgiVariables(exchange, bodyLength, packet);
      // nginx: PATH_INFO is $document_uri, the whole decoded path, and there is no SCRIPT_NAME.
      packet.variable("PATH_INFO", exchange.head.path);
      const bytes = packet.finish();
      return bytes === undefined ? undefined : Buffer.from(bytes);
    },
  };
}
