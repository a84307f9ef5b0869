/**
 * A directory that was asked for without its slash: links in a page are relative to its directory, so the client must be
 * there. The Location is relative to the host (RFC 9110 section 10.2.2), which is right behind every proxy; absolute by
 * choice, with the host and port that the client itself named (nginx: absolute_redirect, port_in_redirect).
 */
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { pathReference, safeTarget } from "../exchange/location.ts";
import { Fields } from "../protocol/http/fields.ts";

/** Built from the path that was looked up, not from the one that was sent: `//evil/..` must not become a host. */
export function redirectToDirectory(exchange: Exchange, absolute: boolean): void {
  const { path, query } = exchange.head;
  const reference = `${pathReference(path)}/${query === undefined ? "" : `?${safeTarget(query)}`}`;
  answer(exchange, 301, Fields.of([["Location", absolute ? originOf(exchange) + reference : reference]]));
}

/** `https://www.example.org:8443`; "" for a client that has named no host. */
function originOf({ head, peer }: Exchange): string {
  const { host, hostPort } = head;
  if (host === "") return "";
  const scheme = peer.secure ? "https" : "http";
  const usual = peer.secure ? 443 : 80;
  return `${scheme}://${host}${hostPort === undefined || hostPort === usual ? "" : `:${hostPort}`}`;
}
