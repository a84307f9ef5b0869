/** The options of a route and of its upstream, settled once for all its requests. */
import type { Log } from "../base/log.ts";
import { REPLY_FILE_BYTES_MAX, REPLY_MEMORY_BYTES_MAX, type ReplySpoolOptions } from "../exchange/reply-spool.ts";
import type { SpoolOptions } from "../exchange/spool.ts";
import type { ProxyOptions, UpstreamOptions } from "./options.ts";
import { Transactions } from "./transactions.ts";

/** What a reply that is not buffered may have under way. nginx: proxy_buffer_size, one page; a read here brings more. */
const UNBUFFERED_BYTES_MAX = 64 * 1024;

export interface SettledOptions {
  readonly route: ProxyOptions;
  readonly body: SpoolOptions;
  readonly bufferedReply: ReplySpoolOptions;
  readonly unbufferedReply: ReplySpoolOptions;
  readonly transactions: Transactions;
}

export function settle(route: ProxyOptions, upstream: UpstreamOptions, log: Log): SettledOptions {
  const { temporaryDirectory, budget } = route;
  const body = budget === undefined ? { temporaryDirectory } : { temporaryDirectory, budget };
  const { replyMemoryBytes = REPLY_MEMORY_BYTES_MAX, replyFileBytes = REPLY_FILE_BYTES_MAX } = upstream;
  return {
    route,
    body,
    bufferedReply: { ...body, log, memoryBytesMax: replyMemoryBytes, fileBytesMax: replyFileBytes },
    unbufferedReply: { ...body, log, memoryBytesMax: UNBUFFERED_BYTES_MAX, fileBytesMax: 0 },
    transactions: new Transactions(),
  };
}
