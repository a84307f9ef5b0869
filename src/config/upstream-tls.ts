/**
 * `protocol = "https"` and `tls` of an upstream. The files are read here, while the user who starts the server may, and so
 * that whatever is wrong with them is said before anything is served.
 */
import { readFileSync } from "node:fs";
import { parseCertificates, parsePrivateKey } from "../certificates/pem.ts";
import type { UpstreamTlsConfig } from "./upstream-config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { requireFound, requireReadable } from "./paths.ts";
import type { Place } from "./place.ts";
import type { UPSTREAM } from "./schema-upstream.ts";
import type { UPSTREAM_TLS } from "./schema-upstream-tls.ts";

/** Undefined for other protocols. */
export function resolveUpstreamTls(
  { place, values }: Section<typeof UPSTREAM>,
  context: Context,
): UpstreamTlsConfig | undefined {
  if (values.protocol !== "https") {
    if (place.has("tls")) {
      place.into("tls").wrongKey({ what: "has no meaning here", should: 'belongs to protocol = "https"' });
    }
    return undefined;
  }
  const tls = values.tls === undefined ? SYSTEM : resolve(values.tls, context);
  const nameless = (values.servers ?? []).find(({ value }) => value.address.kind === "unix");
  if (nameless !== undefined && tls.verify && tls.serverName === undefined) {
    const should = "needs tls.server_name, since its certificate can name no socket";
    nameless.place.wrong({ what: "is a unix socket", should });
  }
  return tls;
}

const SYSTEM: UpstreamTlsConfig = {
  ca: undefined,
  cert: undefined,
  key: undefined,
  serverName: undefined,
  verify: true,
};

function resolve({ place, values }: Section<typeof UPSTREAM_TLS>, context: Context): UpstreamTlsConfig {
  const { verify, server_name: serverName } = values;
  for (const [one, other] of [
    ["cert", "key"],
    ["key", "cert"],
  ] as const) {
    if (place.has(one) && !place.has(other))
      place.into(one).wrongKey({ what: `has no ${other}`, should: `needs ${other} beside it` });
  }
  if (place.has("ca") && !verify) {
    place.into("ca").wrongKey({ what: "has no meaning with verify = false", should: "should be left out" });
  }
  const ca = readPem(place.into("ca"), values.ca, context, parseCertificates);
  const cert = readPem(place.into("cert"), values.cert, context, parseCertificates);
  const key = readPem(place.into("key"), values.key, context, (text) => parsePrivateKey(text, undefined));
  if (cert !== undefined && key !== undefined && !cert.parsed[0]?.checkPrivateKey(key.parsed)) {
    place
      .into("key")
      .wrong({ what: "is not the key of cert", should: "should be the one that its request was made with" });
  }
  return { ca: ca?.text, cert: cert?.text, key: key?.text, serverName, verify };
}

interface Pem<T> {
  readonly text: string;
  readonly parsed: T;
}

/** `parse` throws what is wrong. */
function readPem<T>(
  place: Place,
  written: string | undefined,
  context: Context,
  parse: (text: string) => T,
): Pem<T> | undefined {
  if (written === undefined) return undefined;
  const path = absolute(context, written);
  if (requireFound(place, path, "a file in PEM") === undefined || !requireReadable(place, path)) return undefined;
  try {
    const text = readFileSync(path, "latin1");
    return { text, parsed: parse(text) };
  } catch (error) {
    place.wrong({ what: `names ${path}, ${(error as Error).message}`, should: "should be a file in PEM" });
    return undefined;
  }
}
