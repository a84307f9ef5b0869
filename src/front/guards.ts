/**
 * What stands around a target, and in which order; and the parts of it that the routes of a front share. Whoever may not
 * ask is told so before anything is counted, and a password costs CPU, so the rate is limited before it is verified:
 *
 *   access (403) → limit (429) → auth (401) → auth_request (401, 403) → body bound (413) → target
 *                                                                               error pages around all of it
 *
 * With `satisfy = "any"` an address that access allows passes by auth, and any other passes by access:
 *
 *   access ─allowed─▶ limit → body bound → target
 *      └──────else──▶ limit → auth → body bound → target
 *
 * What a site does not use is not there: it costs a request nothing.
 */
import type { Log } from "../base/log.ts";
import type { Config, SiteConfig } from "../config/config.ts";
import type { ErrorPageConfig, GuardsConfig } from "../config/guards-config.ts";
import { withAccess, withAccessOr } from "../exchange/access.ts";
import { BasicAuth, withBasicAuth } from "../exchange/basic-auth.ts";
import { withAuthRequest } from "../exchange/auth-request.ts";
import { answer } from "../exchange/canned.ts";
import { type ErrorPageOptions, ErrorPages } from "../exchange/error-pages.ts";
import type { ErrorAnswers, Exchange, Handler } from "../exchange/exchange.ts";
import { RateLimit, withLimits } from "../exchange/rate-limit.ts";
import { countRefusal, type RateMemory } from "../exchange/rate-table.ts";
import type { Scope } from "../exchange/scope.ts";
import { siteScope } from "../exchange/site-scope.ts";
import { evaluate } from "../exchange/template.ts";
import type { LimitName } from "../exchange/usage.ts";
import { Verifier } from "../exchange/verifier.ts";
import { contentTypeOf } from "../files/mime.ts";
import { monotonicOffsetMs } from "../os/monotonic.ts";
import { describeExchange } from "./session.ts";
import { makeTemplate } from "./templates.ts";

type Limited = (limit: LimitName, detail: string) => void;

export interface GuardsContext {
  /** The buckets of each [limit.NAME], shared by all fronts. */
  readonly rates: Readonly<Record<string, RateMemory>>;
  readonly log: Log;
  /** Tells that a limit was hit, whom it hit and what was done. */
  readonly limited: Limited;
}

export class Guards {
  readonly limits: ReadonlyMap<string, RateLimit>;
  private readonly log: Log;
  private readonly verifier = new Verifier();
  private readonly auths = new Map<string, BasicAuth>();

  private readonly limited: Limited;

  constructor(config: Config, { rates, log, limited }: GuardsContext, scope: Scope) {
    this.log = log;
    this.limited = limited;
    const offsetMs = monotonicOffsetMs();
    this.limits = new Map(
      config.rateLimits.map((limit) => {
        const memory = rates[limit.name];
        if (memory === undefined) throw new Error(`no memory for limit ${limit.name}`);
        const template = makeTemplate(limit.key, scope);
        const key = (exchange: Exchange) => evaluate(template, exchange);
        const refused = () => countRefusal(memory);
        return [limit.name, new RateLimit({ ...limit, key, refused }, memory, offsetMs, log)];
      }),
    );
  }

  /** The order stands here and nowhere else. `ask` answers a path of the site without its guards. */
  around(guards: GuardsConfig, target: Handler, ask: Handler): Handler {
    const bounded = withBodyBound(target, this.limited);
    const proven = this.rateLimited(guards, this.authenticated(guards, this.asked(guards, bounded, ask)));
    const { access, auth, authRequest, satisfy } = guards;
    const isProven = auth !== undefined || authRequest !== undefined;
    if (satisfy === "any" && isProven) return withAccessOr(access, this.rateLimited(guards, bounded), proven);
    return access.length === 0 ? proven : withAccess(access, proven);
  }

  private rateLimited({ limits }: GuardsConfig, next: Handler): Handler {
    const found = limits.flatMap((name) => this.limits.get(name) ?? []);
    return found.length === 0 ? next : withLimits(found, next);
  }

  private authenticated({ auth }: GuardsConfig, next: Handler): Handler {
    if (auth === undefined) return next;
    const key = `${auth.users}\0${auth.realm}`;
    const shared = this.auths.get(key) ?? new BasicAuth(auth, this.verifier, this.log);
    this.auths.set(key, shared);
    return withBasicAuth(shared, next);
  }

  private asked({ authRequest: path }: GuardsConfig, next: Handler, dispatch: Handler): Handler {
    return path === undefined ? next : withAuthRequest({ path, dispatch, log: this.log }, next);
  }

  /** `dispatch` answers a path of the site without its guards. */
  errorPages(
    pages: readonly ErrorPageConfig[],
    { types }: Pick<SiteConfig, "types">,
    dispatch: Handler,
    scope: Scope,
  ): ErrorAnswers | undefined {
    if (pages.length === 0) return undefined;
    const options = pages.map(({ statuses, status, source }): ErrorPageOptions => {
      if (source.kind === "route") return { statuses, status, source };
      if (source.kind === "file")
        return { statuses, status, source: { ...source, contentType: contentTypeOf(source.path, undefined, types) } };
      return { statuses, status, source: { ...source, text: makeTemplate(source.text, scope, "reply") } };
    });
    return new ErrorPages(options, { dispatch, log: this.log });
  }

  /** Of those that the site has: files and texts. Another path of it would be asked with a request, and there is none. */
  refusalPages(site: SiteConfig, scope: Scope): ErrorAnswers | undefined {
    const pages = site.guards.errorPages.filter(({ source }) => source.kind !== "route");
    return this.errorPages(pages, site, NOBODY, siteScope(site.names, scope));
  }
}

/** For a reply that is made of no request, nothing can be asked. */
const NOBODY: Handler = (exchange) => answer(exchange, 404);

/** A length that was announced is refused before any of the body is read; others are counted as they come. */
function withBodyBound(next: Handler, limited: Limited): Handler {
  return (exchange) => {
    const { bodyBytesMax, head, peer } = exchange;
    if (bodyBytesMax === 0 || head.bodyLength <= bodyBytesMax) return next(exchange);
    const whose = describeExchange(peer.remoteAddress, exchange);
    limited("max_body_size", `${whose}: a body of ${head.bodyLength} bytes is announced, ${bodyBytesMax} are allowed`);
    answer(exchange, 413);
  };
}
