/** [server] as it was written → the settings of the whole process. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Scope } from "../exchange/scope.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import type { LimitsConfig, ServerConfig } from "./config.ts";
import type { UpstreamConfig } from "./upstream-config.ts";
import { absolute, type Context } from "./context.ts";
import type { Section } from "./keys.ts";
import { fitsUnixPath } from "./listening.ts";
import { resolveLogs } from "./logs.ts";
import { requireWritableDirectory } from "./paths.ts";
import type { Place } from "./place.ts";
import { resolvePrivileges } from "./privileges.ts";
import type { SERVER } from "./schema.ts";

/** The variables of a uwsgi request have a 16-bit size; this leaves them 4 KiB for what the server adds itself. */
export const UWSGI_HEADER_BYTES_MAX = 60 * 1024;

export function resolveServer(
  { place, values }: Section<typeof SERVER>,
  upstreams: readonly UpstreamConfig[],
  context: Context,
  scope: Scope,
): ServerConfig {
  return {
    fronts: values.fronts ?? context.machine.cores,
    ...resolvePrivileges(place, values, context),
    ...resolveLogs(place, values, context, scope),
    temporaryDirectory: resolveTemporary(place.into("temporary_directory"), values.temporary_directory, context),
    control: resolveControl(place.into("control"), values.control, context),
    stateDirectory: resolveState(values.state_directory, values.user !== undefined, context),
    pidFile: values.pid_file === undefined ? undefined : absolute(context, values.pid_file),
    drainTimeoutMs: values.drain_timeout,
    serverHeader: values.server_header,
    mergeSlashes: values.merge_slashes,
    fileCache: { bytesMax: values.file_cache, revalidateMs: values.cache_revalidate },
    limits: resolveLimits(place, values, upstreams),
    trustedProxies: values.trusted_proxies.map((entry) => entry.value),
  };
}

/** Nothing is there before something is kept. */
function resolveState(written: string | undefined, hasUser: boolean, context: Context): string {
  if (written !== undefined) return absolute(context, written);
  const { STATE_DIRECTORY, XDG_STATE_HOME, HOME } = context.environment;
  // Several stand in one variable, by colons (systemd.exec(5)).
  const [unit] = (STATE_DIRECTORY ?? "").split(":");
  if (unit !== undefined && unit !== "") return unit;
  // One that was root is the same server as before.
  if (hasUser || process.getuid?.() === 0) return "/var/lib/server";
  return join(XDG_STATE_HOME || join(HOME || "/", ".local/state"), "server");
}

function resolveTemporary(place: Place, written: string | undefined, context: Context): string {
  const { TMPDIR } = context.environment;
  const fallback = [TMPDIR, "/var/tmp", "/tmp"].find(
    (folder) => folder !== undefined && folder !== "" && isWritable(folder),
  );
  const path = absolute(context, written ?? fallback ?? "/tmp");
  requireWritableDirectory(place, path);
  return path;
}

/** Its directory is the file's own choice: it may be made by a service manager right before the start. */
function resolveControl(place: Place, written: string, context: Context): string {
  if (written === "auto" || written === "off") return written;
  const path = absolute(context, written.replace(/^unix:/, ""));
  fitsUnixPath(place, path);
  return path;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function resolveLimits(
  place: Place,
  values: Section<typeof SERVER>["values"],
  upstreams: readonly UpstreamConfig[],
): LimitsConfig {
  const headerBytesMax = resolveHeaderSize(place.into("max_header_size"), values.max_header_size, upstreams);
  if (values.max_target_size > headerBytesMax) {
    const should = `should fit in max_header_size, which is ${headerBytesMax}`;
    const where = place.has("max_target_size") ? "max_target_size" : "max_header_size";
    place.into(where).wrong({ what: `leaves no room: max_target_size is ${values.max_target_size} bytes`, should });
  }
  return {
    headerBytesMax,
    headerFieldsMax: values.max_header_fields,
    targetBytesMax: values.max_target_size,
    handshakeTimeoutMs: values.handshake_timeout,
    headerTimeoutMs: values.header_timeout,
    bodyTimeoutMs: values.body_timeout,
    sendTimeoutMs: values.send_timeout,
    keepaliveTimeoutMs: values.keepalive_timeout,
    keepaliveRequestsMax: values.keepalive_requests,
    keepaliveAgeMaxMs: values.keepalive_max_age,
    pipelinedMax: values.max_pipelined_requests,
    bodyRateMin: values.min_body_rate,
    sendRateMin: values.min_send_rate,
    connectionsMax: values.max_connections,
    connectionsPerAddressMax: values.max_connections_per_address,
    spoolMemoryBytesMax: values.spool_memory,
    spoolDiskBytesMax: values.spool_disk,
  };
}

function resolveHeaderSize(place: Place, written: number | undefined, upstreams: readonly UpstreamConfig[]): number {
  const uwsgi = upstreams.find((upstream) => upstream.protocol === "uwsgi");
  if (uwsgi === undefined) return written ?? DEFAULT_HEAD_LIMITS.headBytesMax;
  if (written !== undefined && written > UWSGI_HEADER_BYTES_MAX) {
    const what = `is ${written} bytes, but upstream ${uwsgi.name} speaks uwsgi, whose packets hold 65535`;
    place.warn({ what, should: 'should be at most "60KiB"' });
  }
  return written ?? Math.min(DEFAULT_HEAD_LIMITS.headBytesMax, UWSGI_HEADER_BYTES_MAX);
}
