/** From [upstream.NAME] of the configuration to an upstream: its strings become templates and rules. */
import type { Log } from "../base/log.ts";
import type { NamedTemplate, UpstreamConfig } from "../config/upstream-config.ts";
import type { CountSketch } from "../exchange/count-sketch.ts";
import { joinRules } from "../exchange/reply-headers.ts";
import type { Scope } from "../exchange/scope.ts";
import { Upstream } from "../proxy/upstream.ts";
import { makeHeaderRules, makeTemplate } from "./templates.ts";

export function assembleUpstream(config: UpstreamConfig, scope: Scope, log: Log, counts: CountSketch): Upstream {
  const optional = (text: string | undefined) => (text === undefined ? undefined : makeTemplate(text, scope));
  const rewrites = (entries: readonly NamedTemplate[] = []) =>
    entries.map(({ name, value }) => ({ from: name, to: makeTemplate(value, scope) }));
  const { params = [] } = config;
  const options = {
    ...config,
    hashKey: optional(config.hashKey),
    host: optional(config.host),
    headersUp: joinRules(makeHeaderRules(config.headersUp, scope, "request")),
    headersDown: joinRules(makeHeaderRules(config.headersDown, scope)),
    cookieDomains: rewrites(config.cookieDomains),
    cookiePaths: rewrites(config.cookiePaths),
    params: params.map(({ name, value }) => ({ name, value: makeTemplate(value, scope) })),
  };
  return new Upstream(options, log, counts);
}
