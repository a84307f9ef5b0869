/**
 * The uwsgi protocol to an upstream (uWSGI, or this server's own uwsgi socket), as nginx's uwsgi_pass speaks it: one
 * packet with the variables of nginx's uwsgi_params, then the body; one connection for each request.
 */
import { type CgiSink, cgiVariables } from "../exchange/cgi.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { PacketWriter } from "../protocol/uwsgi/packet.ts";
import { CgiReplyParser } from "./cgi-reply.ts";
import type { Dialect } from "./dialect.ts";

export function makeUwsgiDialect(): Dialect {
  const packet = new PacketWriter();
  const ownFacts = new ClientFieldFilter(packet);
  return {
    isHttpHop: false,
    keepsAlive: false,
    makeParser: () => new CgiReplyParser(),
    encode: (exchange: Exchange, bodyLength: number) => {
      packet.reset();
      // A gateway in front of us is trusted to name its client; a client is not.
      cgiVariables(exchange, bodyLength, exchange.params === undefined ? ownFacts : packet);
      // nginx: PATH_INFO is $document_uri, the whole decoded path, and there is no SCRIPT_NAME.
      packet.variable("PATH_INFO", exchange.head.path);
      const bytes = packet.finish();
      return bytes === undefined ? undefined : Buffer.from(bytes);
    },
  };
}

/** uWSGI takes wsgi.url_scheme from X-Forwarded-Proto and X-Forwarded-SSL, whoever sent them. The variables
 *  REMOTE_ADDR, HTTPS, SERVER_PORT and HTTP_HOST say the same truthfully. */
class ClientFieldFilter implements CgiSink {
  private readonly packet: PacketWriter;

  constructor(packet: PacketWriter) {
    this.packet = packet;
  }

  variable(name: string, value: string): void {
    if (name.startsWith("HTTP_X_FORWARDED_") || name === "HTTP_FORWARDED" || name === "HTTP_X_REAL_IP") return;
    this.packet.variable(name, value);
  }
}
