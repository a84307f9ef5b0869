/**
 * The one rule about fields in which a proxy says for whom it speaks (X-Forwarded-*, Forwarded, X-Real-IP and their like):
 * whoever is no trusted proxy cannot say so. What a stranger sends of them reaches no app and no upstream, whether or not
 * there are trusted proxies; X-SSL-Client-*, in which proxies tell of certificates, and X-Remote-User, of who has logged in, are among
 * them. Frameworks believe them when they are told to (Django: SECURE_PROXY_SSL_HEADER,
 * USE_X_FORWARDED_HOST), and cannot know who wrote them. Caddy does the same; nginx passes them unless it is told not to.
 *
 * Asked by cgi.ts (apps, upstreams that speak uwsgi), proxy/forward.ts (those that speak HTTP) and field-spelling.ts.
 * Not here: who is trusted, and what follows from what it says (client-address.ts). Variables: `$http_x_forwarded_for` is
 * what was sent, by whomever, so that logs can show it; `$remote_addr` and `$scheme` are what is believed.
 */

/** `believed`: a trusted proxy or a uwsgi gateway wrote them; `refused`: anybody else did. */
export type Forwarding = "believed" | "refused";

const NAMED: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded",
  "x-real-ip",
  "x-scheme",
  "x-url-scheme",
  "front-end-https",
  "remote-user",
  "x-remote-user",
]);

/** `lower`: the name in lower case. */
export function isForwardingField(lower: string): boolean {
  return lower.startsWith("x-forwarded-") || lower.startsWith("x-ssl-client-") || NAMED.has(lower);
}
