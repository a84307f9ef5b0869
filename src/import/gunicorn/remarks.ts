/** What is said of settings that become nothing in server.toml. */
import type { Given } from "./given.ts";
import type { Option } from "./option.ts";
import { HOOKS } from "./settings.ts";
import { isOff } from "./workers.ts";

type Verdict = "default-here" | "not-needed" | "harmless" | "changes-meaning";
type Remark = readonly [Verdict, string];

const SYSLOG: Remark = [
  "harmless",
  "syslog is not written to; error_log may be stderr, where journald and containers take it",
];
const STATSD: Remark = ["harmless", "statsd is not written to; [metrics] has the numbers for Prometheus"];
const LOGGING: Remark = [
  "harmless",
  "is for gunicorn's own logs; say access_log and error_log, and have the project configure its own",
];
const LENIENT: Remark = ["changes-meaning", "such requests are refused here, since servers read them differently"];
const ASGI: Remark = ["not-needed", "is of ASGI, which is not served here"];
const DIRTY: Remark = [
  "changes-meaning",
  "there are no dirty workers; long work belongs into a [service.NAME] such as Celery",
];
const HTTP2: Remark = ["harmless", "HTTP/2 is not spoken; clients take HTTP/1.1"];
const CONTROL: Remark = ["not-needed", "server status, top and reload have a socket of their own"];
const NAME: Remark = ["not-needed", "server status names processes by their app"];
const PASTE: Remark = [
  "changes-meaning",
  "write a file with application = paste.deploy.loadapp(…) in it and name that",
];
const ENDS: Remark = ["not-needed", "gunicorn ends after it; server check looks at the configuration"];

const REMARKS: Readonly<Record<string, Remark>> = {
  backlog: ["default-here", "4096 connections may wait, if the kernel allows as many"],
  worker_connections: ["default-here", "max_connections is 16384 for all fronts together"],
  worker_tmp_dir: ["not-needed", "workers say in shared memory that they live"],
  reload_engine: ["not-needed", "changes are watched for in the best way there is"],
  spew: ["harmless", "lines are not traced"],
  check_config: ENDS,
  print_config: ENDS,
  reuse_port: ["not-needed", "each front has its own queue of connections"],
  daemon: ["not-needed", "server start runs in the background, server run does not"],
  initgroups: ["default-here", "a process has all groups of its user"],
  pidfile: ["not-needed", "server status and systemd know the process; write pid_file where something else reads one"],
  disable_redirect_access_to_syslog: ["default-here", "syslog is not written to"],
  capture_output: ["default-here", "what workers print is in the error log"],
  enable_stdio_inheritance: ["default-here", "what workers print is in the error log"],
  logger_class: LOGGING,
  logconfig: LOGGING,
  logconfig_dict: LOGGING,
  logconfig_json: LOGGING,
  syslog: SYSLOG,
  syslog_addr: SYSLOG,
  syslog_prefix: SYSLOG,
  syslog_facility: SYSLOG,
  statsd_host: STATSD,
  statsd_prefix: STATSD,
  dogstatsd_tags: STATSD,
  enable_backlog_metric: STATSD,
  proc_name: NAME,
  default_proc_name: NAME,
  paste: PASTE,
  raw_paste_global_conf: PASTE,
  proxy_allow_ips: [
    "changes-meaning",
    "whoever reaches an address with proxy_protocol is believed: keep others from it",
  ],
  uwsgi_allow_ips: ["changes-meaning", "whoever reaches uwsgi_socket is believed: keep others from it"],
  ssl_version: ["default-here", "TLS 1.2 and 1.3, as tls.policy says"],
  ciphers: ["harmless", "ciphers are those of tls.policy"],
  suppress_ragged_eofs: ["default-here", "a connection that ends early is closed"],
  do_handshake_on_connect: ["default-here", "a handshake holds nobody up"],
  http2_cleartext: HTTP2,
  http2_max_concurrent_streams: HTTP2,
  http2_initial_window_size: HTTP2,
  http2_max_frame_size: HTTP2,
  http2_max_header_list_size: HTTP2,
  permit_obsolete_folding: LENIENT,
  strip_header_spaces: LENIENT,
  permit_unconventional_http_method: LENIENT,
  permit_unconventional_http_version: LENIENT,
  casefold_http_method: LENIENT,
  forwarder_headers: [
    "changes-meaning",
    "no field of a request is taken for SCRIPT_NAME or PATH_INFO; a route has mount",
  ],
  secure_scheme_headers: ["changes-meaning", "the scheme is what X-Forwarded-Proto of trusted_proxies says"],
  asgi_loop: ASGI,
  asgi_lifespan: ASGI,
  asgi_disconnect_grace_period: ASGI,
  websocket_max_message_size: ASGI,
  root_path: ASGI,
  http_parser: ["not-needed", "requests are parsed by the front"],
  dirty_apps: DIRTY,
  dirty_workers: DIRTY,
  dirty_timeout: DIRTY,
  dirty_threads: DIRTY,
  dirty_graceful_timeout: DIRTY,
  control_socket: CONTROL,
  control_socket_mode: CONTROL,
  control_socket_disable: CONTROL,
};

const NONE: Remark = ["changes-meaning", "has no counterpart here; take it out"];

/** Those that nobody has taken up. */
export function translateRest(given: Given): void {
  for (const option of given.rest) {
    given.last(option.name);
    if (HOOKS.has(option.name)) tellHook(given, option);
    else tellRest(given, option);
  }
}

function tellRest(given: Given, option: Option): void {
  const { name, value } = option;
  if (name === "sendfile") return given.tell("notNeeded", option, "files of wsgi.file_wrapper are sent by the front");
  if (name === "http_protocols" && String(value) === "h1")
    return given.tell("defaultHere", option, "HTTP/1.1 is spoken");
  if (name === "header_map" && value === "drop")
    return given.tell("defaultHere", option, "fields with _ in their names are dropped");
  if (name === "header_map")
    return given.notSupported(option, "fields with _ in their names are dropped, the request is not", "harmless");
  const [verdict, sentence] = REMARKS[name] ?? (name === "http_protocols" ? HTTP2 : NONE);
  if (verdict === "not-needed") given.tell("notNeeded", option, sentence);
  else if (verdict === "default-here") given.tell("defaultHere", option, sentence);
  else if (isOff(option) || value === 0) given.tell("defaultHere", option, "is switched off");
  else given.notSupported(option, sentence, verdict);
}

export function hookSentence(name: string): string {
  return name === "post_fork" || name === "post_worker_init"
    ? "is not called; what it does belongs into the project, where @postfork of uwsgidecorators has it run in each worker"
    : "is not called; what it does belongs into the project";
}

function tellHook(given: Given, option: Option): void {
  given.notSupported(option, hookSentence(option.name), "changes-meaning");
}
