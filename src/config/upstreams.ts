/** [upstream.NAME] as it was written → the upstream as it is used. */
import type { ServerEntry } from "./address-kinds.ts";
import type { UpstreamConfig, UpstreamServer } from "./config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import type { Placed } from "./kinds.ts";
import { fitsUnixPath } from "./listening.ts";
import type { UPSTREAM } from "./schema-app.ts";
import { resolveSendfileRoots } from "./sendfile-roots.ts";

export function resolveUpstream(
  name: string,
  { place, values }: Section<typeof UPSTREAM>,
  context: Context,
): UpstreamConfig {
  const servers = (values.servers ?? []).flatMap((entry) => resolveServer(entry, context));
  const written = place.into("servers");
  if (Array.isArray(written.value) && written.value.length === 0) written.unfit("one server or more");
  const isHttp = values.protocol === "http";
  if (!isHttp && place.has("keepalive")) {
    place.into("keepalive").wrongKey({ what: "has no meaning here", should: 'belongs to protocol = "http"' });
  }
  return {
    name,
    protocol: values.protocol,
    servers,
    connectTimeoutMs: values.connect_timeout,
    readTimeoutMs: values.read_timeout,
    sendTimeoutMs: values.send_timeout,
    keepalive: isHttp ? values.keepalive : 0,
    sendfileRoots: resolveSendfileRoots(values.sendfile_roots, context),
  };
}

/** A unix socket need not exist yet: the other server may be started later. */
function resolveServer({ place, value }: Placed<ServerEntry>, context: Context): UpstreamServer[] {
  const { address, weight } = value;
  if (address.kind === "tcp") return [{ address, weight }];
  const path = absolute(context, address.path);
  return fitsUnixPath(place, path) ? [{ address: { kind: "unix", path }, weight }] : [];
}
