/**
 * The settings of gunicorn (gunicorn/config.py, versions 19 to 27): their names in a configuration file, and their options on
 * a command line. Not here: what they mean.
 */

/** `list`: each one adds to the others. `maybe`: with or without a value. `off`: named to switch something off. */
export type Kind = "value" | "list" | "flag" | "maybe" | "off";

export interface Setting {
  readonly name: string;
  /** Empty: in a file alone. */
  readonly flags: readonly string[];
  readonly kind: Kind;
}

const VALUES: Readonly<Record<string, string>> = {
  config: "-c --config",
  backlog: "--backlog",
  workers: "-w --workers",
  worker_class: "-k --worker-class",
  threads: "--threads",
  worker_connections: "--worker-connections",
  max_requests: "--max-requests",
  max_requests_jitter: "--max-requests-jitter",
  timeout: "-t --timeout",
  graceful_timeout: "--graceful-timeout",
  keepalive: "--keep-alive",
  limit_request_line: "--limit-request-line",
  limit_request_fields: "--limit-request-fields",
  limit_request_field_size: "--limit-request-field_size",
  reload_engine: "--reload-engine",
  chdir: "--chdir",
  pidfile: "-p --pid",
  worker_tmp_dir: "--worker-tmp-dir",
  user: "-u --user",
  group: "-g --group",
  umask: "-m --umask",
  forwarded_allow_ips: "--forwarded-allow-ips",
  accesslog: "--access-logfile",
  access_log_format: "--access-logformat",
  errorlog: "--error-logfile --log-file",
  loglevel: "--log-level",
  logger_class: "--logger-class",
  logconfig: "--log-config",
  logconfig_json: "--log-config-json",
  syslog_addr: "--log-syslog-to",
  syslog_prefix: "--log-syslog-prefix",
  syslog_facility: "--log-syslog-facility",
  statsd_host: "--statsd-host",
  dogstatsd_tags: "--dogstatsd-tags",
  statsd_prefix: "--statsd-prefix",
  proc_name: "-n --name",
  pythonpath: "--pythonpath",
  paste: "--paste --paster",
  proxy_allow_ips: "--proxy-allow-from",
  protocol: "--protocol",
  uwsgi_allow_ips: "--uwsgi-allow-from",
  keyfile: "--keyfile",
  certfile: "--certfile",
  ssl_version: "--ssl-version",
  cert_reqs: "--cert-reqs",
  ca_certs: "--ca-certs",
  ciphers: "--ciphers",
  http_protocols: "--http-protocols",
  http2_cleartext: "--http2-cleartext",
  http2_max_concurrent_streams: "--http2-max-concurrent-streams",
  http2_initial_window_size: "--http2-initial-window-size",
  http2_max_frame_size: "--http2-max-frame-size",
  http2_max_header_list_size: "--http2-max-header-list-size",
  forwarder_headers: "--forwarder-headers",
  header_map: "--header-map",
  asgi_loop: "--asgi-loop",
  asgi_lifespan: "--asgi-lifespan",
  asgi_disconnect_grace_period: "--asgi-disconnect-grace-period",
  websocket_max_message_size: "--websocket-max-message-size",
  http_parser: "--http-parser",
  root_path: "--root-path",
  dirty_workers: "--dirty-workers",
  dirty_timeout: "--dirty-timeout",
  dirty_threads: "--dirty-threads",
  dirty_graceful_timeout: "--dirty-graceful-timeout",
  control_socket: "--control-socket",
  control_socket_mode: "--control-socket-mode",
};

const LISTS: Readonly<Record<string, string>> = {
  bind: "-b --bind",
  raw_env: "-e --env",
  reload_extra_files: "--reload-extra-file",
  raw_paste_global_conf: "--paste-global",
  dirty_apps: "--dirty-app",
};

const SWITCHES: Readonly<Record<string, string>> = {
  reload: "--reload",
  spew: "--spew",
  check_config: "--check-config",
  print_config: "--print-config",
  preload_app: "--preload",
  reuse_port: "--reuse-port",
  daemon: "-D --daemon",
  initgroups: "--initgroups",
  disable_redirect_access_to_syslog: "--disable-redirect-access-to-syslog",
  capture_output: "--capture-output",
  syslog: "--log-syslog",
  enable_stdio_inheritance: "-R --enable-stdio-inheritance",
  enable_backlog_metric: "--enable-backlog-metric",
  suppress_ragged_eofs: "--suppress-ragged-eofs",
  do_handshake_on_connect: "--do-handshake-on-connect",
  permit_obsolete_folding: "--permit-obsolete-folding",
  strip_header_spaces: "--strip-header-spaces",
  permit_unconventional_http_method: "--permit-unconventional-http-method",
  permit_unconventional_http_version: "--permit-unconventional-http-version",
  casefold_http_method: "--casefold-http-method",
  control_socket_disable: "--no-control-socket",
};

/** Functions that gunicorn calls when something happens to a process. */
export const HOOKS: ReadonlySet<string> = new Set([
  "on_starting",
  "on_reload",
  "when_ready",
  "pre_fork",
  "post_fork",
  "post_worker_init",
  "worker_int",
  "worker_abort",
  "pre_exec",
  "pre_request",
  "post_request",
  "child_exit",
  "worker_exit",
  "nworkers_changed",
  "on_exit",
  "ssl_context",
  "on_dirty_starting",
  "dirty_post_fork",
  "dirty_worker_init",
  "dirty_worker_exit",
]);

const FILE_ONLY = [
  "wsgi_app",
  "tmp_upload_dir",
  "secure_scheme_headers",
  "logconfig_dict",
  "default_proc_name",
] as const;

function rowsOf(table: Readonly<Record<string, string>>, kind: Kind): Setting[] {
  return Object.entries(table).map(([name, flags]) => ({ name, flags: flags.split(" "), kind }));
}

export const SETTINGS: readonly Setting[] = [
  ...rowsOf(VALUES, "value"),
  ...rowsOf(LISTS, "list"),
  ...rowsOf(SWITCHES, "flag"),
  { name: "proxy_protocol", flags: ["--proxy-protocol"], kind: "maybe" },
  { name: "sendfile", flags: ["--no-sendfile"], kind: "off" },
  ...[...FILE_ONLY, ...HOOKS].map((name): Setting => ({ name, flags: [], kind: "value" })),
];

export const BY_FLAG: ReadonlyMap<string, Setting> = new Map(
  SETTINGS.flatMap((setting) => setting.flags.map((flag) => [flag, setting] as const)),
);

export const BY_NAME: ReadonlyMap<string, Setting> = new Map(SETTINGS.map((setting) => [setting.name, setting]));
