/** [upstream.NAME] as it was written → the upstream as it is used. */
import type { Scope } from "../exchange/scope.ts";
import { RETRY_ON } from "../proxy/options.ts";
import type { ServerEntry } from "./address-kinds.ts";
import { absolute, type Context } from "./context.ts";
import { resolveHeaders } from "./headers.ts";
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import { fitsUnixPath } from "./listening.ts";
import type { Place } from "./place.ts";
import { DEFAULT_STICKY_COOKIE, type HEALTH, ONLY_HTTP, ONLY_UWSGI, type UPSTREAM } from "./schema-upstream.ts";
import { resolveSendfileRoots } from "./sendfile-roots.ts";
import { readTemplate } from "./templates.ts";
import type { UpstreamConfig, UpstreamServer } from "./upstream-config.ts";
import { resolveUpstreamTls } from "./upstream-tls.ts";

type UpstreamSection = Section<typeof UPSTREAM>;

export function resolveUpstream(
  name: string,
  section: UpstreamSection,
  context: Context,
  scope: Scope,
): UpstreamConfig {
  const { place, values } = section;
  const servers = (values.servers ?? []).flatMap((entry) => resolveServer(entry, context));
  refuseMeaningless(section);
  refuseUnservable(place, servers);
  const isHttp = values.protocol !== "uwsgi";
  const tls = resolveUpstreamTls(section, context);
  return {
    name,
    protocol: isHttp ? "http" : "uwsgi",
    tls,
    servers,
    ...resolveBalance(section, scope),
    connectTimeoutMs: values.connect_timeout,
    headTimeoutMs: values.head_timeout,
    readTimeoutMs: values.read_timeout,
    sendTimeoutMs: values.send_timeout,
    keepalive: isHttp ? values.keepalive : 0,
    keepaliveTimeoutMs: values.keepalive_timeout,
    keepaliveRequests: values.keepalive_requests,
    keepaliveAgeMs: values.keepalive_age,
    nameTtlMs: values.dns_ttl ?? 0,
    triesMax: values.tries,
    retryTimeoutMs: values.retry_timeout,
    retryOn: values.retry_on?.map(({ value }) => value) ?? RETRY_ON,
    retryUnsafe: values.retry_unsafe,
    waitMs: values.wait,
    health: values.health === undefined ? undefined : resolveHealth(values.health, isHttp),
    requestBuffering: values.request_buffering,
    replyBuffering: values.buffering,
    replyMemoryBytes: values.reply_memory,
    replyFileBytes: values.reply_file,
    upgrade: values.upgrade,
    tunnelTimeoutMs: values.tunnel_timeout,
    drainTimeoutMs: values.drain_timeout,
    ignoreClientAbort: values.ignore_client_abort,
    host: checked(place.into("host"), values.host, scope),
    via: values.via,
    headersUp: resolveHeaders(values.headers_up, scope, "request"),
    headersDown: resolveHeaders(values.headers_down, scope),
    rewriteRedirects: values.rewrite_redirects,
    cookieDomains: resolveNamed(values.cookie_domains, scope),
    cookiePaths: resolveNamed(values.cookie_paths, scope),
    params: resolveNamed(values.params, scope),
    modifier1: values.modifier1,
    modifier2: values.modifier2,
    sendfileRoots: resolveSendfileRoots(values.sendfile_roots, context),
  };
}

/** A unix socket need not exist yet: the other server may be started later. */
function resolveServer({ place, value }: Placed<ServerEntry>, context: Context): UpstreamServer[] {
  const { address } = value;
  if (address.kind === "tcp") return [value];
  const path = absolute(context, address.path);
  return fitsUnixPath(place, path) ? [{ ...value, address: { kind: "unix", path } }] : [];
}

/** Keys that belong to the other protocol or to another policy. */
function refuseMeaningless({ place, values }: UpstreamSection): void {
  const refuse = (key: string, owner: string) => {
    if (place.has(key)) place.into(key).wrongKey({ what: "has no meaning here", should: `belongs to ${owner}` });
  };
  const [others, protocol] = values.protocol !== "uwsgi" ? [ONLY_UWSGI, "uwsgi"] : [ONLY_HTTP, "http"];
  for (const key of others) refuse(key, `protocol = "${protocol}"`);
  if (values.balance !== "hash") refuse("hash_key", 'balance = "hash"');
  if (values.balance !== "sticky") refuse("sticky_cookie", 'balance = "sticky"');
}

function refuseUnservable(place: Place, servers: readonly UpstreamServer[]): void {
  const written = place.into("servers");
  if (Array.isArray(written.value) && written.value.length === 0) written.unfit("one server or more");
  else if (servers.length > 0 && servers.every(({ down }) => down)) {
    written.wrong({ what: "are all down", should: "should have one that is not" });
  }
}

function resolveBalance({ place, values }: UpstreamSection, scope: Scope) {
  return {
    policy: values.balance,
    hashKey: values.balance === "hash" ? checked(place.into("hash_key"), values.hash_key, scope) : undefined,
    stickyCookie: values.balance === "sticky" ? (values.sticky_cookie ?? DEFAULT_STICKY_COOKIE) : undefined,
  };
}

function resolveHealth({ place, values }: Section<typeof HEALTH>, isHttp: boolean): UpstreamConfig["health"] {
  for (const key of ["path", "status"]) {
    if (isHttp || !place.has(key)) continue;
    place.into(key).wrongKey({ what: "has no meaning here", should: 'belongs to protocol = "http"' });
  }
  return {
    path: values.path,
    intervalMs: values.interval,
    timeoutMs: values.timeout,
    statusMin: values.status[0],
    statusMax: values.status[1],
    rise: values.rise,
    fall: values.fall,
  };
}

/** The text, when it is a template. */
function checked(place: Place, text: string | undefined, scope: Scope): string | undefined {
  return text === undefined || readTemplate(place, text, scope) === undefined ? undefined : text;
}

type Named = readonly (Placed<string> & { readonly name: string })[];

function resolveNamed(entries: Named | undefined, scope: Scope): UpstreamConfig["params"] {
  return entries?.flatMap(({ place, name, value }) =>
    checked(place, value, scope) === undefined ? [] : [{ name, value }],
  );
}
