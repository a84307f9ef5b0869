/**
 * Is the scheme that the target names the one that the request came by (RFC 9110 section 7.4)? An absolute-form target can
 * say `https:` on a connection that is not secured, and an application would take the request for a protected one. Whether
 * the connection counts as secured is the peer's word, in which a trusted gateway has its say.
 */
import type { Exchange } from "./exchange.ts";

/** True: to be answered 421 (RFC 9110 section 15.5.20). */
export function schemeIsMisdirected({ head, peer }: Exchange): boolean {
  if (head.form !== "absolute") return false;
  return /^https:/i.test(head.target) !== peer.secure;
}
