/** The kinds of value that end up in HTTP messages: host names, charsets, media types, Cache-Control, redirect targets. */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { parseDuration } from "../base/units.ts";
import { type Kind, Refusal, text } from "./kinds.ts";
import { nearest } from "./nearest.ts";

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** RFC 1123 names (and `_`, which is seen in the wild), IP addresses, and one `*.` in front. Lower case and ASCII come out:
 *  that is what Host is compared with. */
export const SITE_NAME: Kind<string> = text('a host name such as "www.example.org" or "*.example.org"', (written) => {
  if (written === "" || written === "_" || written === "*") return new Refusal("left out for the default site");
  const wildcard = written.startsWith("*.") ? "*." : "";
  const host = written.slice(wildcard.length).replace(/\.$/, "");
  const ascii = (/[^\0-\x7f]/.test(host) ? domainToASCII(host) : host).toLowerCase();
  if (wildcard === "" && isAddress(ascii)) return ascii;
  if (ascii !== "" && ascii.length <= 253 && ascii.split(".").every((label) => LABEL.test(label)))
    return wildcard + ascii;
  return refuseName(written);
});

function isAddress(host: string): boolean {
  return isIP(host) === 4 || (/^\[.*\]$/.test(host) && isIP(host.slice(1, -1)) === 6);
}

function refuseName(written: string): Refusal {
  if (written.startsWith(".")) return new Refusal(`two names, "${written.slice(1)}" and "*${written}"`);
  if (/^https?:\/\//.test(written)) return new Refusal("a name without scheme and path", hostOf(written));
  if (/^[^:]+:\d+$/.test(written))
    return new Refusal("a name without a port, which belongs to listen", hostOf(written));
  return new Refusal();
}

function hostOf(written: string): string {
  return written.replace(/^https?:\/\//, "").replace(/[:/].*$/, "");
}

/** A label that browsers know (WHATWG Encoding), since a mistyped one makes every page unreadable. */
export const CHARSET: Kind<string> = text('a charset such as "utf-8" or "gbk"', (label) => {
  try {
    new TextDecoder(label as ConstructorParameters<typeof TextDecoder>[0]);
  } catch {
    return new Refusal(undefined, nearest(label, ["utf-8", "gbk", "gb18030", "gb2312", "big5", "iso-8859-1"]));
  }
  return /^[\w-]+$/.test(label) ? label : new Refusal();
});

/** RFC 9110 section 8.3.1: type "/" subtype and parameters, in visible ASCII. */
export const CONTENT_TYPE: Kind<string> = text('a media type such as "text/html; charset=utf-8"', (type) =>
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;\s*[\w!#$&^.+-]+=("[ !#-[\]-~]*"|[\w!#$&^.+-]+))*$/.test(type)
    ? type
    : new Refusal(),
);

/** A name, not a path: it is looked for in the directory that was asked for. */
export const INDEX_FILE: Kind<string> = text('a file name such as "index.html"', (name) =>
  name === "" || name === "." || name === ".." || /[/\0]/.test(name) ? new Refusal() : name,
);

/** RFC 9111 section 5.2.2, RFC 5861 and RFC 8246. One that is not here is a spelling mistake until it is added. */
const CACHE_DIRECTIVES = [
  "immutable",
  "max-age",
  "must-revalidate",
  "must-understand",
  "no-cache",
  "no-store",
  "no-transform",
  "private",
  "proxy-revalidate",
  "public",
  "s-maxage",
  "stale-if-error",
  "stale-while-revalidate",
];

const WITH_SECONDS = new Set(["max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"]);

const cacheText: Kind<string> = text('a duration ("30d") or Cache-Control directives ("no-store")', (written) => {
  const age = parseDuration(written);
  if (age !== undefined) return maxAge(age);
  for (const directive of written.split(",").map((each) => each.trim())) {
    const refusal = refuseDirective(directive);
    if (refusal !== undefined) return refusal;
  }
  return written;
});

function refuseDirective(directive: string): Refusal | undefined {
  const found = /^([a-z-]+)(?:=(\d+))?$/i.exec(directive);
  const name = found?.[1]?.toLowerCase() ?? directive;
  if (!CACHE_DIRECTIVES.includes(name)) return new Refusal(undefined, nearest(name, CACHE_DIRECTIVES));
  if (WITH_SECONDS.has(name) === (found?.[2] !== undefined)) return undefined;
  return new Refusal(WITH_SECONDS.has(name) ? `${name}=seconds` : `${name} without a value`);
}

/** A plain number is a duration in seconds, as everywhere. */
export const CACHE: Kind<string> = {
  expected: cacheText.expected,
  read: (place) => {
    const { value } = place;
    return typeof value === "number" && Number.isInteger(value) && value >= 0
      ? maxAge(value * 1000)
      : cacheText.read(place);
  },
};

function maxAge(ms: number): string {
  return `max-age=${Math.floor(ms / 1000)}`;
}

/** RFC 9110 section 10.2.2: a URI reference. Never built from the Host of a request, so no variable but the last. */
export const REDIRECT_TO: Kind<string> = text(
  '"https://host/path" or "/path", which may end in "$request_uri"',
  (written) => {
    const fixed = written.replace(/\$request_uri$/, "");
    if (fixed.includes("$")) return new Refusal('without variables but one "$request_uri" at its end');
    if (!/^[!#-;=?-[\]_a-z~]+$/.test(fixed)) return new Refusal("percent-encoded ASCII without blanks");
    if (fixed === "/" && written !== fixed) return new Refusal("somewhere else: this repeats the request");
    return /^(\/|https?:\/\/[^/?#]+)/.test(fixed) ? written : new Refusal();
  },
);
