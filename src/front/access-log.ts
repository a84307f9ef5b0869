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
import type { RequestHead } from "../protocol/http/message.ts";
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
    if (this.wants(exchange)) this.buffer.append(this.line.begin(exchange), this.line.end(exchange));
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
  return new CombinedLine(masking);
}

/**
 * What comes again is not put together again: a client that asks several times within a second, and a request that repeats
 * (http1/head-memo.ts) and is answered alike. A line is then two texts that are copied, and none that is made; to make one
 * for each request was a fifteenth of the processor time of a small reply.
 */
class CombinedLine implements LogLine {
  private readonly masking: Masking;
  private address = "";
  private user = "";
  private time = "";
  private lastBegin = "";
  private readonly ends = new WeakMap<RequestHead, KeptEnd>();

  constructor(masking: Masking) {
    this.masking = masking;
  }

  begin({ peer, remoteUser }: Exchange): string {
    const { remoteAddress } = peer;
    const now = time.now();
    if (now === this.time && remoteAddress === this.address && remoteUser === this.user) return this.lastBegin;
    this.time = now;
    this.address = remoteAddress;
    this.user = remoteUser;
    return (this.lastBegin = `${remoteAddress} - ${quoted(remoteUser)} [${now}] `);
  }

  end(exchange: Exchange): string {
    const { head, finalStatus, contentBytes } = exchange;
    if (head.repeats !== true) return this.makeEnd(exchange);
    const kept = this.ends.get(head);
    if (kept !== undefined && kept.status === finalStatus && kept.contentBytes === contentBytes) return kept.text;
    const text = this.makeEnd(exchange);
    this.ends.set(head, { status: finalStatus, contentBytes, text });
    return text;
  }

  private makeEnd({ head, protocol, finalStatus, contentBytes }: Exchange): string {
    const { method, target, fields } = head;
    // Of what was refused before it could be read there may be less, or nothing.
    const line = method === "" ? target : `${method} ${target} ${protocol}`;
    const request = line === "" ? "" : this.shown(line);
    const tail = `${this.shown(fields.get("referer"))}" "${quoted(fields.get("user-agent"))}"\n`;
    return `"${request}" ${finalStatus} ${contentBytes} "${tail}`;
  }

  private shown(url: string | undefined): string {
    return quoted(url === undefined || !url.includes("?") ? url : this.masking.url(url));
  }
}

/** Of a head that repeats: how its line ended the last time. */
interface KeptEnd {
  readonly status: number;
  readonly contentBytes: number;
  readonly text: string;
}
