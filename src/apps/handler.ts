/**
 * The handler of an app's routes: collects the body first, so that a slow upload holds no Python thread, then queues.
 */
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { BODY_MEMORY_BYTES_MAX, collectBody, type SpoolOptions } from "../exchange/spool.ts";
import type { AppChannel } from "./channel.ts";
import { AppRequest } from "./request.ts";
import { REQUEST_TIMEOUT_MS } from "./request-timeout.ts";

export interface AppHandlerOptions {
  /** Bytes of a request body kept in memory; default exchange/spool BODY_MEMORY_BYTES_MAX. */
  readonly bodyMemoryBytesMax?: number;
  /** How long a Python thread may take for a request, milliseconds; 0 for any time. Default: REQUEST_TIMEOUT_MS. */
  readonly requestTimeoutMs?: number;
}

export function makeAppHandler(channel: AppChannel, options: AppHandlerOptions = {}): Handler {
  const { temporaryDirectory } = channel.options;
  const { budget } = channel.spoolOptions;
  const memoryBytesMax = options.bodyMemoryBytesMax ?? BODY_MEMORY_BYTES_MAX;
  const limitMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const spool: SpoolOptions = { temporaryDirectory, budget, memoryBytesMax };
  return (exchange: Exchange) => {
    const request = new AppRequest(exchange, channel, limitMs);
    // Nobody there: the client need not send its body first.
    if (!channel.available) return request.refuse();
    if (exchange.body.length === 0) return channel.submit(request);
    collectBody(exchange, spool, request);
  };
}
