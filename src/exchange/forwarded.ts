/**
 * The Forwarded field (RFC 7239): what each proxy on the way says of the connection it got the request from. Whom to
 * believe is decided in client-address.ts.
 *
 *   Forwarded: for=192.0.2.60;proto=https;host=www.example.org, for="[2001:db8::17]:4711", for=_hidden
 *              ▲ of the client's connection                      ▲ each further proxy adds its own on the right
 *
 * Section 4 wants quotes around whatever holds a colon; proxies leave them out, and without them it is as clear.
 */
import type { Fields } from "../protocol/http/fields.ts";

/** Undefined what it does not say. Quotes are taken off; obfuscated names (`_x`, `unknown`) are left as they are. */
export interface ForwardedElement {
  readonly for: string | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/** `token=token` or `token="quoted"` with blanks around. */
const PAIR = /[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]+))[ \t]*/y;

const BLANKS = /[ \t]*/y;

/** The elements of all its lines, the first proxy's first; undefined when there are none, or when it is malformed: then no
 *  part of it says anything. */
export function parseForwarded(fields: Fields): readonly ForwardedElement[] | undefined {
  if (!fields.has("forwarded")) return undefined;
  const text = fields.all("forwarded").join(",");
  const elements: ForwardedElement[] = [];
  for (let at = 0; at <= text.length;) {
    const said = new Map<string, string>();
    const end = readElement(text, at, said);
    if (end === -1) return undefined;
    if (said.size > 0) elements.push({ for: said.get("for"), proto: said.get("proto"), host: said.get("host") });
    at = end + 1;
  }
  return elements.length === 0 ? undefined : elements;
}

/** Where its comma, or the end of the text, is; -1: malformed. Pairs may be missing (`;;`), and none comes twice. */
function readElement(text: string, from: number, said: Map<string, string>): number {
  for (let at = from; ;) {
    const pair = matchAt(PAIR, text, at);
    if (pair !== undefined) {
      const name = (pair[1] as string).toLowerCase(); // the group is no option
      if (said.has(name)) return -1;
      said.set(name, pair[2]?.replace(/\\(.)/g, "$1") ?? pair[3] ?? "");
    }
    at += (pair ?? matchAt(BLANKS, text, at))?.[0].length ?? 0;
    if (at === text.length || text[at] === ",") return at;
    if (text[at] !== ";") return -1;
    at++;
  }
}

function matchAt(sticky: RegExp, text: string, at: number): RegExpExecArray | undefined {
  sticky.lastIndex = at;
  return sticky.exec(text) ?? undefined;
}
