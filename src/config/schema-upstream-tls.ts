/** The schema of `tls` of an upstream. How to read it: schema.ts. */
import { byDefault, optional, type Schema } from "./keys.ts";
import { boolean, nonEmpty, Refusal, text } from "./kinds.ts";

const file = nonEmpty("a file in PEM");

export const UPSTREAM_TLS = {
  ca: optional(
    file,
    "those of the system",
    "The authorities that certificates must lead to. nginx: proxy_ssl_trusted_certificate.",
  ),
  server_name: optional(
    text("a host name", (name) =>
      /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(name) ? name : new Refusal(),
    ),
    "the host of each server's address",
    "Whom certificates must name; the servers are told of it, too (SNI). nginx: proxy_ssl_name.",
  ),
  cert: optional(
    file,
    "none is shown",
    "Our certificate, with its chain, for servers that ask. nginx: proxy_ssl_certificate.",
  ),
  key: optional(file, "–", "The key of `cert`, without a passphrase. nginx: proxy_ssl_certificate_key."),
  verify: byDefault(
    boolean,
    true,
    "False: whoever answers is believed, and can read and change everything. nginx: proxy_ssl_verify, off.",
  ),
} satisfies Schema;
