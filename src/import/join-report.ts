/** What the report says of lines that were about a socket, when there is none any more (join.ts). */
import type { Settings, UpstreamKey } from "./plan.ts";
import type { Finding, ImportReport, Verdict } from "./report.ts";
import type { Origin } from "./source.ts";

export interface JoinedPass {
  readonly upstream: Settings<UpstreamKey>;
  readonly app: string;
  /** The app is reached through TLS alone. */
  readonly isEncrypted: boolean;
}

interface Amended {
  readonly verdict: Verdict;
  readonly sentence: string;
  readonly changesMeaning?: boolean;
}

/** By the name of a directive without its prefix. */
const AMENDED: Readonly<Record<string, readonly [Verdict, string]>> = {
  read_timeout: ["translated", "request_timeout of the route"],
  hide_header: ["translated", "headers = { remove } of the route"],
  buffering: ["default-here", "what an app yields is sent at once"],
  request_buffering: ["default-here", "a body is complete before a worker is asked, so that a slow client holds none"],
  ignore_client_abort: ["default-here", "a request that a worker has is finished"],
  max_temp_file_size: ["default-here", "replies wait in memory, then in a file, within spool_memory and spool_disk"],
};

/** What nginx tells uWSGI that an app here knows by itself, whatever the value says. */
const KNOWN_TO_APPS = /^UWSGI_(SCRIPT|CHDIR|PYHOME|MODULE|CALLABLE|APPID|FILE)$/;

/** … and what it knows if the value is the usual one. */
const USUAL: Readonly<Record<string, RegExp>> = {
  UWSGI_SCHEME: /^\$scheme$/,
  REQUEST_SCHEME: /^\$scheme$/,
  HTTP_X_FORWARDED_PROTO: /^\$(scheme|http_x_forwarded_proto)$/,
  HTTP_X_FORWARDED_PROTOCOL: /^\$(scheme|http_x_forwarded_protocol)$/,
  HTTP_X_SCHEME: /^\$scheme$/,
  HTTPS: /^\$https$/,
  HTTP_X_FORWARDED_FOR: /^\$(proxy_add_x_forwarded_for|remote_addr|http_x_forwarded_for)$/,
  HTTP_X_REAL_IP: /^\$remote_addr$/,
  HTTP_X_FORWARDED_HOST: /^\$(host|http_host|server_name)$/,
  HTTP_X_FORWARDED_PORT: /^\$server_port$/,
  HTTP_HOST: /^\$(host|http_host)$/,
};

const SECURE = /^(HTTPS|UWSGI_SCHEME|REQUEST_SCHEME|HTTP_X_FORWARDED_PROTO(COL)?|HTTP_X_SCHEME|HTTP_X_FORWARDED_SSL)$/;

/** `others`: upstreams that there still are. */
export function tellJoined(
  joined: readonly JoinedPass[],
  others: readonly Settings<UpstreamKey>[],
  report: ImportReport,
): void {
  report.amend((finding) => {
    if (others.some(({ sources }) => sources.has(finding.origin))) return undefined;
    const pass = joined.find(({ upstream }) => upstream.sources.has(finding.origin));
    const amended = pass && amend(finding, pass);
    return amended && { ...finding, changesMeaning: false, ...amended };
  });
}

/** `sources`: lines that were about the address through which nginx asked the app. */
export function tellGone(sources: ReadonlySet<Origin>, app: string, report: ImportReport): void {
  const sentence = `nginx asked app ${app} there; it stands in this server, and what is said of the addresses of nginx holds`;
  report.amend((finding) =>
    sources.has(finding.origin) && finding.verdict !== "error"
      ? { ...finding, verdict: "not-needed", sentence, changesMeaning: false }
      : undefined,
  );
}

function amend({ directive, verdict }: Finding, pass: JoinedPass): Amended | undefined {
  const [name = "", ...words] = directive.split(" ");
  if (name.endsWith("_pass")) return { verdict: "translated", sentence: `app = ${JSON.stringify(pass.app)}` };
  if (name === "uwsgi_param") return verdict === "translated" ? parameter(words, pass) : undefined;
  if (verdict !== "translated" && verdict !== "default-here") return undefined;
  const known = AMENDED[name.replace(/^(uwsgi|proxy)_/, "")];
  if (known !== undefined && (verdict === "translated" || known[0] !== "translated"))
    return { verdict: known[0], sentence: known[1] };
  if (name === "proxy_set_header" && verdict === "translated") return field(words, pass);
  return { verdict: "not-needed", sentence: `app ${pass.app} stands in this server: nothing is connected to` };
}

function parameter([name = "", ...rest]: readonly string[], { app, isEncrypted }: JoinedPass): Amended {
  const value = rest.join(" ").replace(/^"|"$/g, "");
  if (name === "SCRIPT_NAME")
    return { verdict: "translated", sentence: "mount of the route; the app sees the path below it" };
  const isSecure = isEncrypted && SECURE.test(name) && /^(on|https)$/.test(value);
  if (KNOWN_TO_APPS.test(name) || USUAL[name]?.test(value) === true || isSecure)
    return { verdict: "not-needed", sentence: `app ${app} stands in this server, which knows it` };
  if (SECURE.test(name)) {
    const sentence = `app ${app} is told https where it is: give the site tls, or name the proxy that decrypts in trusted_proxies`;
    return { verdict: "not-supported", sentence, changesMeaning: true };
  }
  const sentence = `app ${app} is not told of it; a fixed value can stand in its env, another in a header of the request`;
  return { verdict: "not-supported", sentence, changesMeaning: true };
}

function field([name = "", ...rest]: readonly string[], pass: JoinedPass): Amended {
  return parameter([`HTTP_${name.toUpperCase().replaceAll("-", "_")}`, ...rest], pass);
}
