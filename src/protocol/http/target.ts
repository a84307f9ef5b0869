/**
 * Request targets (RFC 9112 section 3.2) and hosts (RFC 3986 section 3.2.2): from the raw text to the one canonical path
 * that routing, access rules, PATH_INFO and files all use. Text is latin-1, one character per byte; bytes above 0x7f
 * are kept as nginx keeps them. Control bytes and spaces were refused by the request line's parser.
 *
 * The path is decoded once, then dot segments and repeated slashes go, as in nginx's ngx_http_parse_complex_uri:
 * `%2F` becomes a separator and `%2E%2E` a dot segment before any rule sees them.
 */
import type { TargetForm } from "./message.ts";

export interface Authority {
  /** Lower case; IPv6 with brackets; without the root's closing dot. */
  readonly host: string;
  readonly port: number | undefined;
}

export interface ParsedTarget {
  readonly form: TargetForm;
  /** As sent; `/` for an absolute form without path, `*` for the asterisk form, "" for the authority form. */
  readonly rawPath: string;
  /** Canonical; "" for the authority form. */
  readonly path: string;
  /** Without `?`; undefined when there is none. */
  readonly query: string | undefined;
  /** Of the absolute and authority forms; it wins over the Host field. */
  readonly authority: Authority | undefined;
}

/** Why a target is refused; all are 400. The codes are those of http1/failure.ts. */
export type TargetProblem =
  | "bad_target"
  | "target_form_not_allowed"
  | "target_has_fragment"
  | "target_has_userinfo"
  | "target_bad_host"
  | "target_bad_escape"
  | "target_has_nul"
  | "target_above_root";

const SLASH = 0x2f;
const PERCENT = 0x25;
const DOT = 0x2e;
const QUERY = 0x3f;
const FRAGMENT = 0x23;

/** `raw` is not empty and has neither control bytes nor spaces. */
export function parseTarget(method: string, raw: string, mergeSlashes: boolean): ParsedTarget | TargetProblem {
  if (method === "CONNECT") return parseAuthorityForm(raw);
  if (raw.charCodeAt(0) === SLASH) return parsePathAndQuery("origin", raw, undefined, mergeSlashes);
  if (raw === "*") return parseAsteriskForm(method);
  return parseAbsoluteForm(raw, mergeSlashes);
}

function parseAsteriskForm(method: string): ParsedTarget | TargetProblem {
  if (method !== "OPTIONS") return "target_form_not_allowed";
  return { form: "asterisk", rawPath: "*", path: "*", query: undefined, authority: undefined };
}

/** `host:port`, the port required (RFC 9110 section 9.3.6). */
function parseAuthorityForm(raw: string): ParsedTarget | TargetProblem {
  if (raw.includes("@")) return "target_has_userinfo";
  const authority = parseHost(raw);
  if (authority === undefined) return raw.startsWith("/") ? "target_form_not_allowed" : "target_bad_host";
  if (authority.port === undefined) return "target_bad_host";
  return { form: "authority", rawPath: "", path: "", query: undefined, authority };
}

const HTTP_SCHEME = /^https?:\/\//i;

/** `http://host[:port][/path][?query]`; other schemes are not ours to serve. */
function parseAbsoluteForm(raw: string, mergeSlashes: boolean): ParsedTarget | TargetProblem {
  const scheme = HTTP_SCHEME.exec(raw);
  if (scheme === null) return "bad_target";
  const start = scheme[0].length;
  const length = raw.slice(start).search(/[/?#]/);
  const end = length === -1 ? raw.length : start + length;
  const text = raw.slice(start, end);
  if (text.includes("@")) return "target_has_userinfo";
  const authority = parseHost(text);
  if (authority === undefined) return "target_bad_host";
  const rest = raw.slice(end);
  return parsePathAndQuery("absolute", rest.startsWith("/") ? rest : `/${rest}`, authority, mergeSlashes);
}

function parsePathAndQuery(
  form: TargetForm,
  raw: string,
  authority: Authority | undefined,
  mergeSlashes: boolean,
): ParsedTarget | TargetProblem {
  const { length } = raw;
  let plain = true;
  let before = 0;
  let end = 0;
  for (; end < length; end++) {
    const char = raw.charCodeAt(end);
    if (char === QUERY) break;
    if (char === FRAGMENT) return "target_has_fragment";
    if (char === PERCENT || (before === SLASH && (char === DOT || char === SLASH))) plain = false;
    before = char;
  }
  if (end < length && raw.includes("#", end)) return "target_has_fragment";
  const rawPath = end === length ? raw : raw.substring(0, end);
  const query = end === length ? undefined : raw.substring(end + 1);
  if (plain) return { form, rawPath, path: rawPath, query, authority };
  const path = canonicalPath(rawPath, mergeSlashes);
  if (!path.startsWith("/")) return path as TargetProblem; // canonicalPath: every path begins with a slash
  return { form, rawPath, path, query, authority };
}

/** The canonical path, or a TargetProblem (which does not begin with a slash, as every path does). */
export function canonicalPath(rawPath: string, mergeSlashes: boolean): string {
  const decoded = rawPath.includes("%") ? decodePath(rawPath) : rawPath;
  if (!decoded.startsWith("/")) return decoded;
  return decoded.includes("/.") || decoded.includes("//") ? resolveSegments(decoded, mergeSlashes) : decoded;
}

/** Every `%XX` becomes its byte, once: what comes out is not looked at for escapes again. */
function decodePath(rawPath: string): string {
  let decoded = "";
  let copied = 0;
  for (let at = rawPath.indexOf("%"); at !== -1; at = rawPath.indexOf("%", at + 3)) {
    const digits = rawPath.substring(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return "target_bad_escape" satisfies TargetProblem;
    const byte = parseInt(digits, 16);
    if (byte === 0) return "target_has_nul" satisfies TargetProblem;
    decoded += rawPath.substring(copied, at) + String.fromCharCode(byte);
    copied = at + 3;
  }
  return decoded + rawPath.substring(copied);
}

/** Removes `.` and `..` segments and, if asked, empty ones. A path that ended in one of them ends in a slash. */
function resolveSegments(path: string, mergeSlashes: boolean): string {
  const kept: string[] = [];
  const segments = path.substring(1).split("/");
  const last = segments.pop() as string; // split gives at least one
  for (const segment of segments) {
    if (segment === ".." && kept.pop() === undefined) return "target_above_root" satisfies TargetProblem;
    if (segment === ".." || segment === "." || (segment === "" && mergeSlashes)) continue;
    kept.push(segment);
  }
  if (last === ".." && kept.pop() === undefined) return "target_above_root" satisfies TargetProblem;
  kept.push(last === ".." || last === "." ? "" : last);
  return `/${kept.join("/")}`;
}

/** Classes of host characters. */
const REG_NAME = 1;
const UPPER = 2;

/** unreserved, sub-delims and `%`; upper case apart, since it asks for work. */
const HOST_CHARS = Uint8Array.from({ length: 256 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (/[A-Z]/.test(char)) return UPPER;
  return /[-0-9a-z._~!$&'()*+,;=%]/.test(char) ? REG_NAME : 0;
});

const PORT_MAX = 65535;

/** `uri-host [ ":" port ]`: a Host field or the authority of a target. Undefined when it is empty or not valid. */
export function parseHost(value: string): Authority | undefined {
  if (value.startsWith("[")) return parseIpLiteral(value);
  let end = 0;
  let upper = false;
  for (; end < value.length; end++) {
    const kind = HOST_CHARS[value.charCodeAt(end)];
    if (kind === UPPER) upper = true;
    else if (kind !== REG_NAME) break;
  }
  if (end < value.length && value[end] !== ":") return undefined;
  const name = end === value.length ? value : value.substring(0, end);
  const host = regName(upper ? name.toLowerCase() : name);
  return host === undefined ? undefined : withPort(host, value, end);
}

/** One closing dot names the root of the DNS and goes, so that one site has one name; empty labels are refused (nginx). */
function regName(name: string): string | undefined {
  if (name.includes("%") && /%(?![0-9a-f]{2})/.test(name)) return undefined;
  const host = name.endsWith(".") ? name.slice(0, -1) : name;
  return host === "" || host.endsWith(".") || host.includes("..") ? undefined : host;
}

function parseIpLiteral(value: string): Authority | undefined {
  const close = value.indexOf("]");
  if (close === -1 || !isIpv6(value.substring(1, close))) return undefined;
  return withPort(value.substring(0, close + 1).toLowerCase(), value, close + 1);
}

/** The port after `at`: nothing, `:` alone, or `:` and 1*DIGIT up to 65535. */
function withPort(host: string, value: string, at: number): Authority | undefined {
  if (at === value.length || at + 1 === value.length) {
    return at === value.length || value[at] === ":" ? { host, port: undefined } : undefined;
  }
  const digits = value.substring(at + 1);
  if (value[at] !== ":" || !/^[0-9]{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port <= PORT_MAX ? { host, port } : undefined;
}

/** RFC 3986 IPv6address: eight groups of 16 bits, one run of zeros as `::`, the last two perhaps as IPv4. No zone. */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const left = countGroups(halves[0] as string, halves.length === 1); // split gives at least one
  if (halves.length === 1) return left === 8;
  const right = countGroups(halves[1] as string, true); // the length was checked
  return left !== -1 && right !== -1 && left + right <= 7;
}

/** Groups in `text`, an IPv4 address at the end counting two; 0 for none, -1 when malformed. */
function countGroups(text: string, mayEndInIpv4: boolean): number {
  if (text === "") return 0;
  const groups = text.split(":");
  const last = groups[groups.length - 1] as string; // split gives at least one
  const ipv4 = mayEndInIpv4 && isIpv4(last);
  if (ipv4) groups.pop();
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return -1;
  return groups.length + (ipv4 ? 2 : 0);
}

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text);
}
