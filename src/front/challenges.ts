/**
 * What this front shows to certificate authorities that want proof that a name is ours, while an order is under way: the
 * text at a path of http-01 (RFC 8555 section 8.3), a certificate by tls-alpn-01 (RFC 8737).
 */
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { Fields } from "../protocol/http/fields.ts";
import { type KeyPair, makeServerContext, type ServerContext } from "../net/server-tls.ts";

/** Of all orders that are under way. */
export interface ChallengeAnswers {
  /** Token → key authorization. */
  readonly http: Readonly<Record<string, string>>;
  /** Host → certificate. */
  readonly tls: Readonly<Record<string, KeyPair>>;
}

const PATH = "/.well-known/acme-challenge/";

export class Challenges {
  private http = new Map<string, string>();
  private tls = new Map<string, ServerContext>();

  take({ http, tls }: ChallengeAnswers): void {
    this.http = new Map(Object.entries(http));
    this.tls = new Map(
      Object.entries(tls).map(([name, pair]) => [
        name,
        makeServerContext({ pairs: [pair], clientAuthority: undefined, session: `challenge ${name}` }, "intermediate"),
      ]),
    );
  }

  get hasTls(): boolean {
    return this.tls.size > 0;
  }

  context(name: string): ServerContext | undefined {
    return this.tls.get(name);
  }

  /** True: it was asked for an answer that is shown now. Whoever asks, under whatever host: the token is the secret. */
  answers(exchange: Exchange): boolean {
    const { head, reply } = exchange;
    if (this.http.size === 0 || !head.path.startsWith(PATH)) return false;
    const text = this.http.get(head.path.slice(PATH.length));
    if (text === undefined) return false;
    if (head.method !== "GET" && head.method !== "HEAD") {
      answer(exchange, 405, Fields.of([["Allow", "GET, HEAD"]]));
      return true;
    }
    const content = Buffer.from(text, "latin1");
    const fields = Fields.of([["Content-Type", "application/octet-stream"]]);
    reply.whole({ status: 200, reason: undefined, fields, length: content.length }, content);
    return true;
  }
}
