/**
 * Fields whose names hold `_`. In CGI variables `X_Real_IP` and `X-Real-IP` are one name, so that the first can pass for the
 * second: by default such fields reach neither applications nor upstreams (nginx: underscores_in_headers off; gunicorn:
 * header_map drop). A site may let them pass; even then not those that would stand for a field that has a meaning to us,
 * nor those whose other spelling is in the same request.
 */
import type { FieldName } from "../protocol/http/fields.ts";
import { HOP_BY_HOP } from "../protocol/http/message.ts";
import type { Exchange } from "./exchange.ts";
import { isForwardingField } from "./forwarding.ts";

/** With `-` for `_`: what says who the client is, where the body ends, and what the gateway has verified. */
const NEVER: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "authorization",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "proxy",
  "proxy-authorization",
  "remote-addr",
]);

/** For a name that is ambiguous: may it go on all the same? */
export function passesAmbiguous(exchange: Exchange, name: FieldName): boolean {
  if (!exchange.passesUnderscores) return false;
  const dashed = name.lower.replaceAll("_", "-");
  if (NEVER.has(dashed) || isForwardingField(dashed)) return false;
  return !exchange.head.fields.names.some((other) => other.cgi === name.cgi && other.lower !== name.lower);
}
