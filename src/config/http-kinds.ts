/** The kinds of value that end up in HTTP messages: host names, charsets, media types, Cache-Control, redirect targets. */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { groupsOf, unusableNames } from "../exchange/captures.ts";
import { hostRegex } from "../exchange/name-table.ts";
import { type Kind, Refusal, text } from "./kinds.ts";
import { nearest } from "./nearest.ts";

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** RFC 1123 names (and `_`, which is seen in the wild), IP addresses, one `*.` or `.` in front or one `.*` behind, and
 *  `~regex`. Lower case and ASCII come out: that is what Host is compared with. */
export const SITE_NAME: Kind<string> = text(
  'a host name such as "www.example.org", "*.example.org", "www.example.*", ".example.org" (with and without a name ' +
    'before it) or "~regex"',
  (written) => {
    if (written === "" || written === "_" || written === "*") return new Refusal("left out for the default site");
    if (written.startsWith("~")) return readHostRegex(written);
    const [, before = "", host = "", after = ""] = /^(\*?\.|)(.*?)(\.\*|\.?)$/.exec(written) ?? [];
    const ascii = (/[^\0-\x7f]/.test(host) ? domainToASCII(host) : host).toLowerCase();
    const isWildcard = before !== "" || after === ".*";
    if (!isWildcard && isAddress(ascii)) return ascii;
    const isName = ascii !== "" && ascii.length <= 253 && ascii.split(".").every((label) => LABEL.test(label));
    if (!isName || (before !== "" && after === ".*")) return refuseName(written);
    return before + ascii + (after === ".*" ? after : "");
  },
);

/** `~^(?<user>.+)\.example\.org$`, compared without regard to case. */
function readHostRegex(written: string): string | Refusal {
  const source = written.slice(1);
  try {
    if (source === "") return new Refusal();
    const [bad] = unusableNames(groupsOf(hostRegex(written)));
    return bad === undefined ? written : new Refusal(`a regular expression with groups named in letters, digits and _`);
  } catch (error) {
    return new Refusal(`a regular expression as JavaScript writes them (${(error as Error).message})`);
  }
}

function isAddress(host: string): boolean {
  return isIP(host) === 4 || (/^\[.*\]$/.test(host) && isIP(host.slice(1, -1)) === 6);
}

function refuseName(written: string): Refusal {
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
  if (isCharset(label)) return label;
  return new Refusal(undefined, nearest(label, ["utf-8", "gbk", "gb18030", "gb2312", "big5", "iso-8859-1"]));
});

export function isCharset(label: string): boolean {
  try {
    new TextDecoder(label as ConstructorParameters<typeof TextDecoder>[0]);
  } catch {
    return false;
  }
  return /^[\w-]+$/.test(label);
}

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

/** RFC 9110 section 10.2.4 in one line of visible ASCII. */
export const SERVER_HEADER: Kind<string> = text('"pass", "off" or the text of the field', (written) =>
  /^[!-~]([ -~]*[!-~])?$/.test(written) ? written : new Refusal(),
);
