/** [metrics] as it was written → the private listener. */
import { isLoopback } from "../base/ip-address.ts";
import type { MetricsConfig } from "./metrics-config.ts";
import type { Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { resolveListen } from "./listening.ts";
import type { METRICS } from "./schema-metrics.ts";

/** The page shows what clients ask for: it is for the owner alone. */
const SOCKET_MODE = 0o600;

/** Undefined: there is none; what is wrong was reported. */
export function resolveMetrics(
  section: Section<typeof METRICS> | undefined,
  context: Context,
): MetricsConfig | undefined {
  if (section === undefined) return undefined;
  const { place } = section;
  const { listen, token } = section.values;
  if (listen === undefined) return undefined;
  const where = place.into("listen");
  if (listen.proxyProtocol || listen.tls === true)
    return void where.wrong({ what: "has proxy_protocol or tls", should: "should be an address alone: it is private" });
  const [address, second] = resolveListen({ place: where, value: listen }, SOCKET_MODE, context);
  if (address === undefined) return undefined;
  if (second !== undefined) return void where.unfit('an address such as "127.0.0.1:9145", not every address');
  if (address.kind === "tcp" && !isLoopback(address.host) && token === undefined)
    return void where.wrong({
      what: `is ${address.host}, which others can reach, and there is no token`,
      should: 'should be a loopback address or "unix:/path", or have a token beside it',
    });
  return { address, token };
}
