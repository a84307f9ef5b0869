/**
 * What stands around a target, and in which order; and the parts of it that the routes of a front share. Whoever may not
 * ask is told so before anything is counted, and a password costs CPU, so the rate is limited before it is verified:
 *
 *   access (403) → limit (429) → auth (401) → body bound (413) → target          error pages around all of it
 *
 * What a site does not use is not there: it costs a request nothing.
 */
import type { Log } from "../base/log.ts";
import type { Config, ErrorPageConfig, GuardsConfig, SiteConfig } from "../config/config.ts";
import { withAccess } from "../exchange/access.ts";
import { BasicAuth, withBasicAuth } from "../exchange/basic-auth.ts";
import { answer } from "../exchange/canned.ts";
import { type ErrorPageOptions, ErrorPages } from "../exchange/error-pages.ts";
import type { ErrorAnswers, Exchange, Handler } from "../exchange/exchange.ts";
import { RateLimit, withLimits } from "../exchange/rate-limit.ts";
import type { RateMemory } from "../exchange/rate-table.ts";
import type { Scope } from "../exchange/scope.ts";
import { evaluate } from "../exchange/template.ts";
import { Verifier } from "../exchange/verifier.ts";
import { contentTypeOf } from "../files/mime.ts";
import { monotonicOffsetMs } from "../os/monotonic.ts";
import { makeTemplate } from "./templates.ts";

export class Guards {
  readonly limits: ReadonlyMap<string, RateLimit>;
  private readonly log: Log;
  private readonly verifier = new Verifier();
  private readonly auths = new Map<string, BasicAuth>();

  constructor(config: Config, memories: Readonly<Record<string, RateMemory>>, scope: Scope, log: Log) {
    this.log = log;
    const offsetMs = monotonicOffsetMs();
    this.limits = new Map(
      config.rateLimits.map((limit) => {
        const memory = memories[limit.name];
        if (memory === undefined) throw new Error(`no memory for limit ${limit.name}`);
        const template = makeTemplate(limit.key, scope);
        const key = (exchange: Exchange) => evaluate(template, exchange);
        return [limit.name, new RateLimit({ ...limit, key }, memory, offsetMs, log)];
      }),
    );
  }

  /** The order stands here and nowhere else. */
  around(guards: GuardsConfig, target: Handler): Handler {
    return this.access(guards, this.limited(guards, this.authenticated(guards, withBodyBound(target))));
  }

  private access({ access }: GuardsConfig, next: Handler): Handler {
    return access.length === 0 ? next : withAccess(access, next);
  }

  private limited({ limits }: GuardsConfig, next: Handler): Handler {
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

  /** `dispatch` answers a path of the site without its guards. */
  errorPages(
    pages: readonly ErrorPageConfig[],
    { charset, types }: Pick<SiteConfig, "charset" | "types">,
    dispatch: Handler,
  ): ErrorAnswers | undefined {
    if (pages.length === 0) return undefined;
    const options = pages.map(({ statuses, status, source }): ErrorPageOptions => {
      if (source.kind !== "file") return { statuses, status, source };
      return { statuses, status, source: { ...source, contentType: contentTypeOf(source.path, charset, types) } };
    });
    return new ErrorPages(options, { dispatch, log: this.log });
  }
}

function withBodyBound(next: Handler): Handler {
  return (exchange) => (isTooLarge(exchange) ? answer(exchange, 413) : next(exchange));
}

function isTooLarge(exchange: Exchange): boolean {
  return exchange.bodyBytesMax > 0 && exchange.head.bodyLength > exchange.bodyBytesMax;
}
