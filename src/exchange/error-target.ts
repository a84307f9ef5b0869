/** The handler of `error` routes: an error of this server, with the page that the configuration has for it. nginx: return 404. */
import { answer } from "./canned.ts";
import type { Handler } from "./exchange.ts";

/** nginx: the connection is closed, and nothing is said to who should not know that somebody is there. */
export const CLOSE_STATUS = 444;

export function makeErrorHandler(status: number): Handler {
  if (status !== CLOSE_STATUS) return (exchange) => answer(exchange, status);
  return (exchange) => {
    // A gateway in front of us needs an answer.
    if (exchange.reply.drop === undefined) answer(exchange, 403);
    else exchange.reply.drop();
  };
}
