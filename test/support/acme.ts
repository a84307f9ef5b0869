/**
 * A certificate authority of RFC 8555 in memory, for what pebble cannot be made to do: it is told to refuse, to limit, to forget,
 * to suggest windows (RFC 9773) and to offer profiles. What clients send is checked as far as a mistake in it would be ours: the
 * signature, the nonce, the URL, the account.
 */
import { createPublicKey, verify } from "node:crypto";
import { makeCertificate, newKey } from "../../src/certificates/make.ts";

export interface Misbehaviour {
  /** Nobody is there. */
  down?: boolean;
  /** Orders are answered 429 with this Retry-After, in seconds. */
  limitedForS?: number | undefined;
  /** Every order becomes invalid when it is finalized. */
  invalid?: boolean;
  /** So many nonces are refused, one after the other. */
  badNonces?: number;
}

export interface FakeAuthorityOptions {
  readonly url: string;
  readonly now?: () => number;
  readonly lifetimeMs?: number;
  readonly profiles?: Readonly<Record<string, string>>;
  readonly caaIdentities?: readonly string[];
  /** Undefined: the answer was seen. */
  readonly validate?: (kind: string, name: string, token: string) => Promise<string | undefined>;
  /** Of dns-01 alone? */
  readonly kinds?: readonly string[];
}

interface Order {
  readonly identifiers: readonly { readonly type: string; readonly value: string }[];
  status: "pending" | "ready" | "valid" | "invalid";
  error?: object;
  chain?: string;
}

type Json = Readonly<Record<string, unknown>>;

export class FakeAuthority {
  readonly misbehaviour: Misbehaviour = {};
  /** How often a new order was asked for. */
  ordersAsked = 0;
  /** Of newOrder that were taken, as they came. */
  readonly orders: Json[] = [];
  /** Suggested to whoever asks. */
  window: { readonly start: string; readonly end: string } | undefined;
  /** Why it is so: a URL. */
  windowExplanation: string | undefined;
  windowRetryAfterS = 21_600;
  readonly windowsAsked: string[] = [];
  private readonly options: FakeAuthorityOptions;
  private readonly key = newKey();
  private readonly nonces = new Set<string>();
  private readonly accounts = new Map<string, Json>();
  private readonly closed: string[] = [];
  private readonly made: Order[] = [];
  private readonly validated = new Set<string>();
  private failed = new Map<string, string>();

  constructor(options: FakeAuthorityOptions) {
    this.options = options;
  }

  get directory(): string {
    return `${this.options.url}/dir`;
  }

  get root(): string {
    const nowMs = this.options.now?.() ?? Date.now();
    const dates = { from: new Date(nowMs - 3_600_000), to: new Date(nowMs + 1e11) };
    return makeCertificate({ subject: "fake authority", names: [], key: this.key, ...dates });
  }

  get accountsMade(): number {
    return this.accounts.size;
  }

  forgetAccounts(): void {
    this.accounts.clear();
  }

  /** As an administrator does, for good (RFC 8555 section 7.3.6). */
  closeAccounts(): void {
    this.closed.push(...[...this.accounts.values()].map((jwk) => JSON.stringify(jwk)));
  }

  /** In place of globalThis.fetch. */
  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (this.misbehaviour.down === true) throw Object.assign(new Error("down"), { code: "ECONNREFUSED" });
    return this.handle(new Request(url, { ...init, signal: null }));
  };

  async handle(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    if (path === "/dir") return Response.json(this.describe());
    if (path === "/nonce") return new Response(null, { headers: { "Replay-Nonce": this.nonce() } });
    if (path.startsWith("/ari/")) return this.answerWindow(path.slice(5));
    const { payload, account, problem } = this.open((await request.json()) as Json, request.url);
    if (problem !== undefined) return this.refuse(400, ...problem);
    const [, what = "", id = ""] = path.split("/");
    return this.route(what, Number(id), payload, account);
  }

  private describe() {
    const { url, profiles, caaIdentities } = this.options;
    return {
      newNonce: `${url}/nonce`,
      newAccount: `${url}/account`,
      newOrder: `${url}/order`,
      renewalInfo: `${url}/ari`,
      meta: { profiles, caaIdentities },
    };
  }

  private answerWindow(id: string): Response {
    this.windowsAsked.push(id);
    if (this.window === undefined) return this.refuse(404, "malformed", "unknown certificate");
    return Response.json(
      { suggestedWindow: this.window, explanationURL: this.windowExplanation },
      { headers: { "Retry-After": String(this.windowRetryAfterS) } },
    );
  }

  private route(what: string, id: number, payload: Json | undefined, account: string): Response | Promise<Response> {
    const { url } = this.options;
    switch (what) {
      case "account":
        return this.say({ status: "valid" }, 201, `${url}/account/${account}`);
      case "order":
        return Number.isNaN(id) || id === 0 ? this.newOrder(payload ?? {}) : this.sayOrder(id);
      case "authz":
        return this.say(this.authorization(id));
      case "challenge":
        return this.challenge(id, String(payload === undefined ? "" : Object.keys(payload).length));
      case "finalize":
        return this.finalize(id, String(payload?.["csr"]));
      case "cert":
        return this.answer(new Response(this.made[id - 1]?.chain, { headers: { "Content-Type": "application/pem" } }));
      default:
        return this.refuse(404, "malformed", what);
    }
  }

  private newOrder(payload: Json): Response {
    this.ordersAsked++;
    const { limitedForS } = this.misbehaviour;
    if (limitedForS !== undefined) return this.refuse(429, "rateLimited", "too many certificates", limitedForS);
    const { profile } = payload;
    if (profile !== undefined && !Object.hasOwn(this.options.profiles ?? {}, String(profile)))
      return this.refuse(400, "invalidProfile", `no profile ${String(profile)}`);
    this.orders.push(payload);
    this.made.push({ identifiers: payload["identifiers"] as Order["identifiers"], status: "pending" });
    return this.sayOrder(this.made.length, 201);
  }

  private sayOrder(id: number, status = 200): Response {
    const { url } = this.options;
    const order = this.made[id - 1] as Order;
    const authorizations = order.identifiers.map((_, i) => `${url}/authz/${id * 100 + i}`);
    if (order.status === "pending" && authorizations.every((each) => this.validated.has(each))) order.status = "ready";
    const more = order.chain === undefined ? {} : { certificate: `${url}/cert/${id}` };
    const { identifiers, error } = order;
    const body = { status: order.status, identifiers, authorizations, finalize: `${url}/finalize/${id}`, ...more };
    return this.say({ ...body, ...(error === undefined ? {} : { error }) }, status, `${url}/order/${id}`);
  }

  private authorization(id: number) {
    const { url, kinds = ["http-01", "tls-alpn-01", "dns-01"] } = this.options;
    const at = `${url}/authz/${id}`;
    const identifier = this.made[Math.floor(id / 100) - 1]?.identifiers[id % 100] as { type: string; value: string };
    const isWildcard = identifier.value.startsWith("*.");
    const detail = this.failed.get(at);
    const status = this.validated.has(at) ? "valid" : detail === undefined ? "pending" : "invalid";
    const challenges = kinds
      .filter((kind) => !isWildcard || kind === "dns-01")
      .map((type, i) => ({
        type,
        status,
        url: `${url}/challenge/${id * 10 + i}`,
        token: `token-${id}`,
        ...(detail === undefined ? {} : { error: { detail } }),
      }));
    return { status, identifier: { ...identifier, value: identifier.value.replace(/^\*\./, "") }, challenges };
  }

  private async challenge(id: number, said: string): Promise<Response> {
    if (said !== "0") return this.refuse(400, "malformed", "a challenge is answered with {}");
    const authorization = Math.floor(id / 10);
    const at = `${this.options.url}/authz/${authorization}`;
    const { identifier, challenges } = this.authorization(authorization);
    const type = challenges[id % 10]?.type ?? "";
    const why = await this.options.validate?.(type, identifier.value, `token-${authorization}`);
    if (why === undefined) this.validated.add(at);
    else this.failed.set(at, why);
    return this.say({ status: "processing" });
  }

  private finalize(id: number, csr: string): Response {
    const order = this.made[id - 1] as Order;
    order.status = this.misbehaviour.invalid === true ? "invalid" : "valid";
    if (order.status === "invalid") order.error = { detail: "caa: lookup failed" };
    else order.chain = this.sign(order, Buffer.from(csr, "base64url"));
    return this.sayOrder(id);
  }

  private sign({ identifiers }: Order, csr: Buffer): string {
    const { now = Date.now, lifetimeMs = 90 * 86_400_000 } = this.options;
    // Of P-256, in the request as in the certificate.
    const spkiAt = csr.indexOf(Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107", "hex"));
    const key = createPublicKey({ key: csr.subarray(spkiAt, spkiAt + 91), format: "der", type: "spki" });
    const names = identifiers.map(({ value }) => value);
    const issuer = { subject: "fake authority", key: this.key };
    const dates = { from: new Date(now() - 1000), to: new Date(now() + lifetimeMs) };
    return makeCertificate({ subject: "leaf", names, key, issuer, ...dates }) + this.root;
  }

  private open(jws: Json, url: string): { payload?: Json | undefined; account: string; problem?: [string, string] } {
    const fields = jws as Readonly<Record<"protected" | "payload" | "signature", string>>;
    const head = decode(fields.protected) as {
      readonly kid?: string;
      readonly jwk?: Json;
      readonly nonce: string;
      url: string;
    };
    if (!this.nonces.delete(head.nonce) || (this.misbehaviour.badNonces ?? 0) > 0) {
      this.misbehaviour.badNonces = (this.misbehaviour.badNonces ?? 1) - 1;
      return { account: "", problem: ["badNonce", "that nonce is none of ours"] };
    }
    if (head.url !== url) return { account: "", problem: ["unauthorized", `signed for ${head.url}`] };
    const isNew = head.jwk !== undefined && !this.closed.includes(JSON.stringify(head.jwk));
    const account = head.kid === undefined ? String(this.accounts.size + 1) : (head.kid.split("/").at(-1) ?? "");
    if (isNew) this.accounts.set(account, head.jwk);
    const jwk = head.jwk ?? this.accounts.get(account);
    if (jwk === undefined) return { account, problem: ["accountDoesNotExist", "no such account"] };
    if (this.closed.includes(JSON.stringify(jwk))) return { account, problem: ["unauthorized", "it is deactivated"] };
    const key = createPublicKey({ key: jwk as never, format: "jwk" });
    const signed = Buffer.from(`${fields.protected}.${fields.payload}`);
    const signature = Buffer.from(fields.signature, "base64url");
    if (!verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature))
      return { account, problem: ["malformed", "the signature is wrong"] };
    return { account, payload: fields.payload === "" ? undefined : decode(fields.payload) };
  }

  private say(body: object, status = 200, location?: string): Response {
    return this.answer(Response.json(body, { status, headers: location === undefined ? {} : { Location: location } }));
  }

  private refuse(status: number, kind: string, detail: string, retryAfterS?: number): Response {
    const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
    if (retryAfterS !== undefined) headers["Retry-After"] = String(retryAfterS);
    const body = JSON.stringify({ type: `urn:ietf:params:acme:error:${kind}`, detail });
    return this.answer(new Response(body, { status, headers }));
  }

  private answer(response: Response): Response {
    response.headers.set("Replay-Nonce", this.nonce());
    return response;
  }

  private nonce(): string {
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString("base64url");
    this.nonces.add(nonce);
    return nonce;
  }
}

function decode(text: string): never {
  return JSON.parse(Buffer.from(text, "base64url").toString()) as never;
}
