/** The handler of a route that leads to an upstream. */
import { answer } from "../exchange/canned.ts";
import type { Handler } from "../exchange/exchange.ts";
import { goesInCircles } from "./forward.ts";
import { answeredAsLastHop } from "./hops.ts";
import type { ProxyOptions } from "./options.ts";
import { settle } from "./settled.ts";
import type { Upstream } from "./upstream.ts";

export function makeProxyHandler(upstream: Upstream, options: ProxyOptions): Handler {
  const settled = settle(options, upstream.options, upstream.log);
  return (exchange) => {
    // This is a gateway, no tunnel for its clients (RFC 9110 section 9.3.6).
    if (exchange.head.method === "CONNECT") return answer(exchange, 405);
    if (goesInCircles(exchange)) return answer(exchange, 508);
    if (upstream.dialect.isHttpHop && answeredAsLastHop(exchange)) return;
    settled.transactions.begin(exchange, upstream, settled);
  };
}
