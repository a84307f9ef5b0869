/** What gunicorn believes of a proxy, and what it bounds of requests and connections. */
import { formatDuration, formatSize } from "../../base/units.ts";
import { type Context, ofAddress, pathIn, plain } from "./context.ts";
import type { WorkerClass } from "./workers.ts";

const SECOND = 1000;
/** Seconds: the longest that server.toml takes. */
const DAY = 86_400;
const TARGET_BYTES_MIN = 256;
const TARGET_BYTES_MAX = 64 * 1024;
const HEADER_BYTES = 64 * 1024;
const HEADER_BYTES_MAX = 1024 * 1024;
const FIELDS_MAX = 10_000;

/** Through a unix socket gunicorn believes everyone. */
export function translateProxies(context: Context): void {
  const { given, site } = context;
  const option = given.last("forwarded_allow_ips");
  const written = option === undefined ? "127.0.0.1,::1" : given.text(option);
  const why = "gunicorn takes the scheme from these, and here the client's address as well";
  if (option !== undefined) ofAddress(context, option.origin);
  if (written === undefined) return;
  const named = written.split(",").map((each) => each.trim());
  const all = named.includes("*") ? ["0.0.0.0/0", "::/0"] : named.filter((each) => each !== "");
  site.settings.set("trusted_proxies", [...all, "unix:"], option?.origin, why);
  if (option !== undefined) given.tell("translated", option, "trusted_proxies of the site");
}

export function translateRequests(context: Context, worker: WorkerClass): void {
  translateTarget(context);
  translateFields(context);
  translateKeepAlive(context, worker);
  translateFolder(context);
  const { given, site } = context;
  if (given.look("header_map")?.value !== "dangerous") return;
  const map = given.last("header_map");
  if (map === undefined) return;
  site.settings.set("underscores_in_headers", "pass", ofAddress(context, map.origin));
  given.tell("translated", map, "underscores_in_headers of the site");
}

function translateFolder({ given, plan, root }: Context): void {
  const option = given.last("tmp_upload_dir");
  const path = option && given.text(option);
  if (option === undefined || path === undefined) return;
  plan.server.set("temporary_directory", plain(pathIn(root, path)), option.origin);
  given.tell("translated", option, "temporary_directory");
}

/** 0 is no bound, which there always is here. */
function translateTarget(context: Context): void {
  const { given, plan } = context;
  const option = given.last("limit_request_line");
  const bytes = option && given.number(option);
  if (option === undefined || bytes === undefined) return;
  const most = bytes === 0 ? TARGET_BYTES_MAX : Math.min(Math.max(bytes, TARGET_BYTES_MIN), TARGET_BYTES_MAX);
  plan.server.set("max_target_size", formatSize(most), ofAddress(context, option.origin));
  given.tell(
    "translated",
    option,
    bytes === most ? "max_target_size" : `max_target_size, ${formatSize(TARGET_BYTES_MAX)} at most`,
  );
}

function translateFields(context: Context): void {
  const { given, plan } = context;
  const count = given.last("limit_request_fields");
  const fields = count && given.number(count);
  if (count !== undefined && fields !== undefined) {
    const most = fields === 0 ? FIELDS_MAX : Math.min(fields, FIELDS_MAX);
    plan.server.set("max_header_fields", most, ofAddress(context, count.origin));
    given.tell("translated", count, most === fields ? "max_header_fields" : `max_header_fields, ${FIELDS_MAX} at most`);
  }
  const size = given.last("limit_request_field_size");
  const bytes = size && given.number(size);
  if (size === undefined || bytes === undefined) return;
  ofAddress(context, size.origin);
  if (bytes > 0 && bytes <= HEADER_BYTES)
    return given.tell("defaultHere", size, `max_header_size is ${formatSize(HEADER_BYTES)}, for all fields together`);
  const most = bytes === 0 ? HEADER_BYTES_MAX : Math.min(bytes, HEADER_BYTES_MAX);
  plan.server.set("max_header_size", formatSize(most), size.origin);
  given.tell("translated", size, "max_header_size, for all fields together");
}

function translateKeepAlive(context: Context, worker: WorkerClass): void {
  const { given, plan } = context;
  const option = given.last("keepalive");
  const seconds = option && given.number(option);
  if (option === undefined || seconds === undefined) return;
  ofAddress(context, option.origin);
  if (worker === "sync") {
    const sentence = "a sync worker closes each connection; here an idle one is kept, and holds no thread";
    return given.tell("noEffectThere", option, sentence);
  }
  if (seconds === 0) plan.server.set("keepalive_requests", 1, option.origin, "gunicorn keeps no connection");
  else plan.server.set("keepalive_timeout", formatDuration(Math.min(seconds, DAY) * SECOND), option.origin);
  given.tell("translated", option, seconds === 0 ? "keepalive_requests" : "keepalive_timeout");
}
