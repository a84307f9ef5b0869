/**
 * Asks a path of the site whether a request may pass, before its target is asked (nginx: ngx_http_auth_request_module):
 *
 *   2xx        passes; fields of the reply are `$auth_http_NAME`
 *   401, 403   is answered so, 401 with the WWW-Authenticate of the reply
 *   another    500, and the log says what it was
 *
 * It is asked with a GET that has the fields of the request, but neither its body nor what speaks of it. As in nginx the
 * route that answers does so without its own guards, and its rules count. The head decides as soon as it is there; what
 * comes behind it is thrown away, and waited for only as long as a short page takes: then its connection or worker ends
 * with it in order. (nginx closes the connection of any reply with content.)
 */
import type { Log } from "../base/log.ts";
import { Fields } from "../protocol/http/fields.ts";
import type { ReplyHead } from "../protocol/http/message.ts";
import { answer } from "./canned.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { askAside, INTERNAL_DEPTH_MAX } from "./internal.ts";
import type { Producer, Reply, ReplyState } from "./reply.ts";
import { Waiting } from "./waiting.ts";

/** Taken of the content of a reply, bytes: more than any page of a verdict has. */
const REST_BYTES_MAX = 64 * 1024;

/** … and for how long after its head. */
const REST_MS_MAX = 2000;

export interface AuthRequestOptions {
  /** Of the site. */
  readonly path: string;
  /** Answers it, without guards. */
  readonly dispatch: Handler;
  readonly log: Log;
}

export function withAuthRequest(options: AuthRequestOptions, next: Handler): Handler {
  return (exchange) => {
    if (exchange.depth >= INTERNAL_DEPTH_MAX) return answer(exchange, 500);
    const reply = new Verdict((head) => waiting.goOn((held) => decide(held, head, options, next)));
    const waiting = new Waiting(exchange, () => reply.leave());
    options.dispatch(askAside(exchange, options.path, reply));
  };
}

/** `head` is undefined when there is no answer. */
function decide(exchange: Exchange, head: ReplyHead | undefined, options: AuthRequestOptions, next: Handler): void {
  const status = head?.status ?? 0;
  if (head !== undefined && status >= 200 && status < 300) {
    exchange.authFields = head.fields;
    return next(exchange);
  }
  if (status === 401) return answer(exchange, 401, challengesOf(head?.fields));
  if (status === 403) return answer(exchange, 403);
  const said = head === undefined ? "gave no answer" : `answered ${status}, which is neither 2xx nor 401 or 403`;
  options.log.error(`auth_request: ${options.path} ${said}: ${exchange.head.target} is answered 500`);
  answer(exchange, 500);
}

function challengesOf(fields: Fields | undefined): Fields {
  const challenges = new Fields();
  for (const [name, value] of fields?.pairs() ?? [])
    if (name.toLowerCase() === "www-authenticate") challenges.add(name, value);
  return challenges;
}

/** Takes the reply to such a question: its head decides. */
class Verdict implements Reply {
  state: ReplyState = "waiting";
  status = 0;
  producer: Producer | undefined = undefined;
  private restBytes = 0;
  private timer: ReturnType<typeof setTimeout> | undefined = undefined;
  private readonly told: (head: ReplyHead | undefined) => void;

  constructor(told: (head: ReplyHead | undefined) => void) {
    this.told = told;
  }

  whole(head: ReplyHead): void {
    if (this.state !== "waiting") return;
    this.status = head.status;
    this.close("finished");
    this.told(head);
  }

  start(head: ReplyHead): void {
    if (this.state !== "waiting") return;
    this.state = "started";
    this.status = head.status;
    this.timer = setTimeout(() => this.leave(), REST_MS_MAX);
    this.told(head);
  }

  data(bytes: Uint8Array): boolean {
    this.restBytes += bytes.length;
    if (this.restBytes > REST_BYTES_MAX) this.leave();
    return true;
  }

  end(): void {
    if (this.state === "started") this.close("finished");
  }

  abort(): void {
    const { state } = this;
    if (state !== "waiting" && state !== "started") return;
    this.close("gone");
    if (state === "waiting") this.told(undefined);
  }

  interim(): void {}

  /** The client that waits for it has left, or there is no end to its content. */
  leave(): void {
    const { producer } = this;
    if (this.state === "finished" || this.state === "gone") return;
    this.close("gone");
    producer?.gone();
  }

  private close(state: ReplyState): void {
    this.state = state;
    this.producer = undefined;
    clearTimeout(this.timer);
  }
}
