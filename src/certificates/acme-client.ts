/**
 * The protocol of certificate authorities, RFC 8555: what a client sends is signed (JWS, RFC 7515, ES256 with a key of the
 * account), and each message holds a nonce that the server gave. Here: one request and its answer, the account, and what is
 * asked of an authority. The way to a certificate is order.ts; when to go it is policy.ts.
 */
import { version } from "../../package.json";
import { createHash, createHmac, createPublicKey, type KeyObject, sign } from "node:crypto";

export interface Authority {
  /** The URL of its directory. */
  readonly directory: string;
  /** PEM: whom its own certificate must lead to; undefined: those of the system. */
  readonly ca: string | undefined;
  /** External account binding: the number and the key (base64url) that the authority gave its customer. */
  readonly binding: { readonly kid: string; readonly key: string } | undefined;
}

/** What the authority says is wrong (RFC 8555 section 6.7), or that it cannot be reached. */
export class AcmeProblem extends Error {
  /** `rateLimited`; `unreachable` is ours. */
  readonly kind: string;
  /** What its Retry-After says; 0 for nothing. */
  readonly retryAfterMs: number;

  constructor(kind: string, message: string, retryAfterMs = 0) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly renewalInfo?: string;
  readonly meta?: {
    readonly externalAccountRequired?: boolean;
    readonly profiles?: Readonly<Record<string, string>>;
    /** As CAA records call it (RFC 8659). */
    readonly caaIdentities?: readonly string[];
  };
}

export interface Answer {
  readonly url: string;
  readonly text: string;
  /** Of a JSON answer. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number;
}

export interface AccountKey {
  readonly key: KeyObject;
  /** The account's URL, once there is one. */
  kid: string | undefined;
  /** It is being made. */
  signingUp?: Promise<void> | undefined;
}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** RFC 8555 section 6.1. */
export const WHO = { "User-Agent": `server/${version}`, "Accept-Language": "en" };
/** Authorities answer in a second; one that does not in this time will not. */
const REQUEST_TIMEOUT_MS = 30_000;
/** A server may refuse any nonce; one that refuses this many in a row refuses us. */
const NONCES_MAX = 8;
/** Limits are for a week at most (Let's Encrypt). More is a proxy's mistake, or a date by a clock that is not ours. */
const RETRY_AFTER_MS_MAX = 8 * 86_400_000;

export class AcmeClient {
  readonly account: AccountKey;
  private readonly authority: Authority;
  private readonly contact: readonly string[];
  private readonly fetch: Fetch;
  private known: Directory | undefined;
  private nonce: string | undefined;

  /** `contact`: mail addresses; most authorities write no more. */
  constructor(authority: Authority, account: AccountKey, contact: readonly string[], fetch: Fetch = globalThis.fetch) {
    this.authority = authority;
    this.account = account;
    this.contact = contact;
    this.fetch = fetch;
  }

  async directory(): Promise<Directory> {
    this.known ??= await this.readDirectory();
    return this.known;
  }

  private async readDirectory(): Promise<Directory> {
    const { directory } = this.authority;
    const { status, text, retryAfterMs } = await this.send(directory, {});
    const found = parseJson(text) as Readonly<Record<string, unknown>>;
    const isDirectory = ["newNonce", "newAccount", "newOrder"].every((name) => typeof found[name] === "string");
    if (isDirectory) return found as unknown as Directory;
    throw new AcmeProblem("unreachable", `${directory} is no directory (RFC 8555): status ${status}`, retryAfterMs);
  }

  /** Finds or makes the account. */
  async register(): Promise<void> {
    if (this.account.kid !== undefined) return;
    const { newAccount } = await this.directory();
    const contact = this.contact.map((address) => `mailto:${address}`);
    const { binding } = this.authority;
    const payload = {
      termsOfServiceAgreed: true,
      ...(contact.length === 0 ? {} : { contact }),
      ...(binding === undefined ? {} : { externalAccountBinding: this.bind(binding, newAccount) }),
    };
    this.account.kid = (await this.post(newAccount, payload)).url;
  }

  /** Section 7.3.4: the account's key, signed with the customer's. */
  private bind({ kid, key }: NonNullable<Authority["binding"]>, url: string) {
    const protectedPart = encode({ alg: "HS256", kid, url });
    const payload = encode(this.jwk);
    const mac = createHmac("sha256", Buffer.from(key, "base64url")).update(`${protectedPart}.${payload}`);
    return { protected: protectedPart, payload, signature: mac.digest("base64url") };
  }

  /** `payload` undefined: POST-as-GET. Throws AcmeProblem. */
  async post(url: string, payload?: unknown): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const nonce = this.nonce ?? (await this.freshNonce());
      this.nonce = undefined;
      const answer = await this.send(url, {
        method: "POST",
        headers: { "Content-Type": "application/jose+json" },
        body: this.sign(url, nonce, payload),
      });
      this.nonce = answer.nonce;
      if (isGood(answer)) return answer;
      const problem = problemOf(answer);
      if (problem.kind !== "badNonce" || attempt === NONCES_MAX) throw problem;
    }
  }

  private async freshNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    const { nonce, retryAfterMs } = await this.send(newNonce, { method: "HEAD" });
    if (nonce === undefined) throw new AcmeProblem("unreachable", `${newNonce} gave no nonce`, retryAfterMs);
    return nonce;
  }

  /** A plain GET, for what needs no account (renewalInfo). */
  async get(url: string): Promise<Answer> {
    const answer = await this.send(url, {});
    if (!isGood(answer)) throw problemOf(answer);
    return answer;
  }

  /** One request and the whole of its answer: what ends in the middle is as bad as nothing. */
  private async send(url: string, init: RequestInit): Promise<Received> {
    const { ca } = this.authority;
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    try {
      const headers = { ...WHO, ...init.headers };
      const more = ca === undefined ? {} : { tls: { ca } };
      return await readAnswer(url, await this.fetch(url, { ...init, headers, signal, ...more }));
    } catch (error) {
      const { code, message, name } = error as Error & { code?: unknown };
      const why = name === "TimeoutError" ? `no answer in ${REQUEST_TIMEOUT_MS / 1000} s` : message;
      throw new AcmeProblem(
        "unreachable",
        `${new URL(url).host} cannot be reached: ${typeof code === "string" ? code : why}`,
      );
    }
  }

  private sign(url: string, nonce: string, payload: unknown): string {
    const { key, kid } = this.account;
    const who = kid === undefined ? { jwk: this.jwk } : { kid };
    const protectedPart = encode({ alg: "ES256", ...who, nonce, url });
    const payloadPart = payload === undefined ? "" : encode(payload);
    const signature = sign("sha256", Buffer.from(`${protectedPart}.${payloadPart}`), {
      key,
      dsaEncoding: "ieee-p1363",
    });
    return JSON.stringify({
      protected: protectedPart,
      payload: payloadPart,
      signature: signature.toString("base64url"),
    });
  }

  /** Its members in the order of RFC 7638 section 3. */
  private get jwk() {
    const { crv, kty, x, y } = createPublicKey(this.account.key).export({ format: "jwk" });
    return { crv, kty, x, y };
  }

  /** RFC 8555 section 8.1. */
  keyAuthorization(token: string): string {
    const thumbprint = createHash("sha256").update(JSON.stringify(this.jwk)).digest("base64url");
    return `${token}.${thumbprint}`;
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

interface Received extends Answer {
  readonly status: number;
  readonly nonce: string | undefined;
}

function isGood({ status }: Received): boolean {
  return status >= 200 && status < 300;
}

async function readAnswer(url: string, response: Response): Promise<Received> {
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    nonce: response.headers.get("replay-nonce") ?? undefined,
    url: response.headers.get("location") ?? url,
    text,
    json: isJson ? (parseJson(text) as Answer["json"]) : {},
    retryAfterMs: retryAfter(response.headers.get("retry-after")),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function retryAfter(written: string | null): number {
  if (written === null) return 0;
  const ms = /^\d+$/.test(written) ? Number(written) * 1000 : Date.parse(written) - Date.now();
  return Number.isFinite(ms) ? Math.min(RETRY_AFTER_MS_MAX, Math.max(0, ms)) : 0;
}

function problemOf({ status, json, text, retryAfterMs }: Received): AcmeProblem {
  const kind = String(json["type"] ?? "").replace(/^urn:ietf:params:acme:error:/, "");
  const detail = String(json["detail"] ?? text.slice(0, 200));
  return new AcmeProblem(kind === "" ? `status ${status}` : kind, `${kind || status}: ${detail}`, retryAfterMs);
}
