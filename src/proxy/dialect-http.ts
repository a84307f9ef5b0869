/** HTTP/1.1 to an upstream (RFC 9112), with persistent connections. The message is written anew from parsed fields. */
import type { Exchange } from "../exchange/exchange.ts";
import type { RequestHead } from "../protocol/http/message.ts";
import { ClientConnection } from "../protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import { encodeRequestHead } from "../protocol/http1/write-request.ts";
import type { Dialect } from "./dialect.ts";
import { requestFields } from "./forward.ts";
import { addHopFields, connectionOptions } from "./hops.ts";

/** `keepsAlive` false: each request asks for its connection to be closed (keepalive = 0). */
export function makeHttpDialect(keepsAlive: boolean): Dialect {
  return {
    isHttpHop: true,
    keepsAlive,
    makeParser: () => new ClientConnection(DEFAULT_HEAD_LIMITS),
    encode: (exchange: Exchange, bodyLength: number, host: string) => {
      const { head } = exchange;
      const fields = requestFields(exchange, host);
      addHopFields(exchange, fields);
      const connection = connectionOptions(exchange, keepsAlive);
      return encodeRequestHead(head.method, originTarget(head), fields, bodyLength, connection);
    },
  };
}

/** RFC 9112 section 3.2.1: an origin server is asked in origin-form, path and query byte for byte. */
function originTarget(head: RequestHead): string {
  if (head.form !== "absolute") return head.target;
  // Section 3.2.4: no path and no query, and the method is OPTIONS: the whole server is asked.
  if (head.method === "OPTIONS" && /^[a-z]+:\/\/[^/?#]*$/i.test(head.target)) return "*";
  return head.query === undefined ? head.rawPath : `${head.rawPath}?${head.query}`;
}
