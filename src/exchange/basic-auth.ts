/**
 * HTTP Basic authentication (RFC 7617) against a file of users (htpasswd.ts; nginx: ngx_http_auth_basic_module). The
 * request waits while its password is verified, and the front goes on with others. The user who was verified is
 * `exchange.remoteUser`; the Authorization field goes on to apps and upstreams, as with nginx.
 *
 * An unknown user costs as much time as a wrong password, so that the time does not tell who exists.
 */
import type { Log } from "../base/log.ts";
import { Fields } from "../protocol/http/fields.ts";
import { answer } from "./canned.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { HTPASSWD_BYTES_MAX, parseHtpasswd } from "./htpasswd.ts";
import { SmallFile } from "./small-file.ts";
import type { Verdict, Verifier } from "./verifier.ts";
import { Waiting } from "./waiting.ts";

export const DEFAULT_REALM = "restricted";

/** Slow hashes of long passwords are slower still. */
const PASSWORD_BYTES_MAX = 1024;

const RETRY_AFTER = Fields.of([["Retry-After", "2"]]);

export interface BasicAuthOptions {
  readonly realm: string;
  /** The file, absolute. */
  readonly users: string;
}

export interface Credentials {
  /** latin-1, one character per byte. */
  readonly user: string;
  readonly password: Buffer;
}

/** RFC 7617 section 2; undefined for another scheme, none, or what is no base64 of `user:password`. */
export function readCredentials(authorization: string | undefined): Credentials | undefined {
  const [, token] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization?.trim() ?? "") ?? [];
  if (token === undefined) return undefined;
  const bytes = Buffer.from(token, "base64");
  const colon = bytes.indexOf(0x3a);
  if (colon < 1 || bytes.length - colon - 1 > PASSWORD_BYTES_MAX) return undefined;
  return { user: bytes.latin1Slice(0, colon), password: bytes.subarray(colon + 1) };
}

type Decision = (exchange: Exchange, verdict: Verdict) => void;

export function withBasicAuth(auth: BasicAuth, next: Handler): Handler {
  return (exchange) => auth.handle(exchange, next);
}

/** One file of users and its realm; the routes of a front share it. */
export class BasicAuth {
  private readonly file: SmallFile<ReadonlyMap<string, string>>;
  private readonly challenge: Fields;
  private readonly verifier: Verifier;
  private readonly log: Log;

  constructor(options: BasicAuthOptions, verifier: Verifier, log: Log) {
    this.file = new SmallFile(options.users, HTPASSWD_BYTES_MAX, (bytes) => this.read(bytes), log);
    // The configuration lets no quote or backslash into a realm. RFC 7617 section 2.1: charset.
    this.challenge = Fields.of([["WWW-Authenticate", `Basic realm="${options.realm}", charset="UTF-8"`]]);
    this.verifier = verifier;
    this.log = log;
  }

  private read(bytes: Buffer): ReadonlyMap<string, string> {
    const { users, problems } = parseHtpasswd(bytes);
    for (const { line, what } of problems)
      this.log.error(`${this.file.path}:${line}: ${what}; this user cannot log in`);
    return users;
  }

  handle(exchange: Exchange, next: Handler): void {
    const credentials = readCredentials(exchange.head.fields.get("authorization"));
    if (credentials === undefined) return answer(exchange, 401, this.challenge);
    const users = this.file.get();
    if (users === undefined) return answer(exchange, 500);
    const stored = users.get(credentials.user);
    // Any hash of the file will do to take as long.
    const [hashed = stored] = stored === undefined ? users.values() : [stored];
    if (hashed === undefined) return this.refuse(exchange, credentials.user);
    this.verify(exchange, credentials, hashed, (held, verdict) => {
      const counted = stored === undefined && verdict === "right" ? "wrong" : verdict;
      this.decided(held, credentials.user, counted, next);
    });
  }

  private verify(exchange: Exchange, { user, password }: Credentials, hashed: string, then: Decision): void {
    let waiting: Waiting | undefined;
    const decide = (verdict: Verdict) => {
      const step = (held: Exchange) => then(held, verdict);
      if (waiting === undefined) step(exchange);
      else waiting.goOn(step);
    };
    const verdict = this.verifier.ask(user, password, hashed, decide);
    if (verdict !== undefined) decide(verdict);
    else waiting = new Waiting(exchange, () => {});
  }

  private decided(exchange: Exchange, user: string, verdict: Verdict, next: Handler): void {
    switch (verdict) {
      case "right":
        exchange.remoteUser = user;
        return next(exchange);
      case "wrong":
        return this.refuse(exchange, user);
      case "busy":
        return answer(exchange, 503, RETRY_AFTER);
    }
  }

  private refuse(exchange: Exchange, user: string): void {
    const who = JSON.stringify(user.slice(0, 64));
    this.log.warn(`${exchange.peer.remoteAddress}: wrong user or password for ${who}`);
    answer(exchange, 401, this.challenge);
  }
}
