/**
 * An exchange that a guard holds until a time comes or an answer is known, while nothing of it is read or sent. Only while
 * it is still the producer of the reply does the exchange go on: the client may have left, or the session answered.
 */
import type { Exchange, Handler } from "./exchange.ts";
import type { Producer } from "./reply.ts";

export class Waiting implements Producer {
  private readonly exchange: Exchange;
  private readonly left: () => void;

  /** `left` is called when the client leaves meanwhile. */
  constructor(exchange: Exchange, left: () => void) {
    this.exchange = exchange;
    this.left = left;
    exchange.reply.producer = this;
  }

  /** Never throws: it runs outside of the session's turn, where nobody would catch it. */
  goOn(next: Handler): void {
    const { exchange } = this;
    const { reply } = exchange;
    if (reply.producer !== this || reply.state !== "waiting") return;
    reply.producer = undefined;
    try {
      next(exchange);
    } catch (error) {
      reply.abort(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }

  drained(): void {}

  gone(): void {
    this.left();
  }
}
