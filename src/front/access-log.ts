/**
 * One access log of a front as a site writes it: in its format, of the requests it wants. The place where lines are
 * gathered may be shared (log-buffer.ts).
 *
 * nginx's `combined` format is what nearly everyone has, and is put together here without a template:
 *
 *   $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"
 */
import { monotonicMs } from "../base/clock.ts";
import type { Account, Exchange } from "../exchange/exchange.ts";
import type { Masking } from "../exchange/masking.ts";
import { formatLogTime, SecondText } from "../exchange/time-text.ts";
import type { LogBuffer } from "./log-buffer.ts";
import { type LogLine, quoted } from "./log-format.ts";

/** Which requests get a line: all, or those with one of these statuses, or that took at least so long. */
export interface LogCondition {
  /** `404`, `5xx` */
  readonly statuses: readonly string[];
  /** Undefined: however long. */
  readonly slowMs: number | undefined;
}

const time = new SecondText(formatLogTime);

export class AccessLog implements Account {
  private readonly buffer: LogBuffer;
  private readonly line: LogLine;
  private readonly wants: (exchange: Exchange) => boolean;

  constructor(buffer: LogBuffer, line: LogLine, condition: LogCondition) {
    this.buffer = buffer;
    this.line = line;
    this.wants = makeCondition(condition);
  }

  finished(exchange: Exchange): void {
    if (this.wants(exchange)) this.buffer.append(this.line(exchange));
  }
}

function makeCondition({ statuses, slowMs }: LogCondition): (exchange: Exchange) => boolean {
  if (statuses.length === 0 && slowMs === undefined) return () => true;
  const wanted = new Set(statuses);
  const isSlow = (exchange: Exchange) => slowMs !== undefined && monotonicMs() - exchange.startedMs >= slowMs;
  return (exchange) => {
    const { finalStatus } = exchange;
    return wanted.has(String(finalStatus)) || wanted.has(`${Math.floor(finalStatus / 100)}xx`) || isSlow(exchange);
  };
}

export function makeCombinedLine(masking: Masking): LogLine {
  const shown = (url: string | undefined) => quoted(url === undefined || !url.includes("?") ? url : masking.url(url));
  return ({ head, peer, protocol, remoteUser, finalStatus, contentBytes }) => {
    const { method, target, fields } = head;
    // Of what was refused before it could be read there may be less, or nothing.
    const line = method === "" ? target : `${method} ${target} ${protocol}`;
    const request = line === "" ? "" : shown(line);
    const tail = `${shown(fields.get("referer"))}" "${quoted(fields.get("user-agent"))}"\n`;
    return `${peer.remoteAddress} - ${quoted(remoteUser)} [${time.now()}] "${request}" ${finalStatus} ${contentBytes} "${tail}`;
  };
}
