/**
 * What logs must not show: the values of query arguments, cookies and header fields of certain names. They are taken out
 * where the text for the log is made; what apps and upstreams get is never touched. `-` and `_` are one in names, and case
 * does not matter: `set_cookie` is the field Set-Cookie.
 */
import { nested, type Scope, type Variable } from "./scope.ts";

export const MASK = "***";

/** What carries credentials in Django projects and the usual protocols. */
export const DEFAULT_MASKED: readonly string[] = [
  "authorization",
  "proxy_authorization",
  "cookie",
  "set_cookie",
  "sessionid",
  "csrftoken",
  "csrfmiddlewaretoken",
  "x_csrftoken",
  "x_api_key",
  "api_key",
  "apikey",
  "access_token",
  "refresh_token",
  "id_token",
  "token",
  "client_secret",
  "secret",
  "password",
  "passwd",
  "signature",
];

export class Masking {
  private readonly names: ReadonlySet<string>;
  private readonly arguments: RegExp;

  constructor(names: readonly string[]) {
    this.names = new Set(names.map(canonical));
    const any = [...this.names].map((name) => name.replace(/[^a-z0-9_]/g, "\\$&").replaceAll("_", "[-_]")).join("|");
    // Of no names: nothing that ever is.
    this.arguments = new RegExp(any === "" ? "(?!)" : `(^|[?&;]\\s*)(${any})=[^&;#\\s"]*`, "gi");
  }

  hides(name: string): boolean {
    return this.names.has(canonical(name));
  }

  /** A URL, a request line: what follows `?` is looked at. */
  url(text: string): string {
    const query = text.indexOf("?");
    return query === -1 ? text : text.slice(0, query) + this.query(text.slice(query));
  }

  /** `a=1&token=***`, also of cookies: `a=1; token=***`. */
  query(text: string): string {
    return text.replace(this.arguments, `$1$2=${MASK}`);
  }
}

function canonical(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}

/** Variables that hold a URL or a part of one. */
const URLS: ReadonlySet<string> = new Set([
  "request",
  "request_uri",
  "http_referer",
  "sent_http_location",
  "upstream_http_location",
]);
const QUERIES: ReadonlySet<string> = new Set(["args", "query_string", "http_cookie"]);
const FAMILIES: readonly string[] = ["http_", "sent_http_", "upstream_http_", "arg_", "cookie_"];

/** The same variables, as logs may show them. */
export function maskedScope(scope: Scope, masking: Masking): Scope {
  const find = (name: string): Variable | undefined => {
    const family = FAMILIES.find((prefix) => name.startsWith(prefix));
    if (family !== undefined && masking.hides(name.slice(family.length)))
      return changed(scope.find(name), (value) => (value === "" ? "" : MASK));
    if (URLS.has(name)) return changed(scope.find(name), (value) => masking.url(value));
    if (QUERIES.has(name)) return changed(scope.find(name), (value) => masking.query(value));
    return undefined;
  };
  return nested({ find, names: () => [] }, scope);
}

function changed(variable: Variable | undefined, change: (value: string) => string): Variable | undefined {
  return variable && { ...variable, read: (exchange) => change(variable.read(exchange)) };
}
