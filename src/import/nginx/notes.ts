/** Directives that nothing is written for, with the reason: the last word on what no translator has claimed. */
import type { Block } from "./block.ts";
import { FAMILIAR_FILES } from "./include.ts";
import { KNOWN_DIRECTIVES } from "./directives.ts";
import type { Ledger } from "./ledger.ts";
import type { Directive } from "./parser.ts";

const NOT_NEEDED: Readonly<Record<string, string>> = {
  pid: "server status and systemd know the process; write pid_file where something else reads one",
  sendfile: "files are sent in the quickest way there is",
  sendfile_max_chunk: "a reply holds up no other",
  tcp_nopush: "heads and small files leave in one packet",
  tcp_nodelay: "nothing is held back",
  types_hash_max_size: "tables grow by themselves",
  types_hash_bucket_size: "tables grow by themselves",
  server_names_hash_bucket_size: "tables grow by themselves",
  server_names_hash_max_size: "tables grow by themselves",
  variables_hash_bucket_size: "tables grow by themselves",
  variables_hash_max_size: "tables grow by themselves",
  map_hash_bucket_size: "tables grow by themselves",
  map_hash_max_size: "tables grow by themselves",
  multi_accept: "connections are accepted as they come",
  use: "the best way to wait for connections is chosen",
  accept_mutex: "each front has its own queue of connections",
  worker_cpu_affinity: "the kernel places threads well",
  worker_priority: "the kernel shares the processor well",
  worker_rlimit_nofile: "the bound of the process is used: ulimit -n, or LimitNOFILE of systemd",
  daemon: "server run stays in the foreground, as systemd and containers want it",
  master_process: "there is always one master",
  pcre_jit: "regular expressions are compiled",
  reset_timedout_connection: "a client that does not read is disconnected",
  client_body_buffer_size: "bodies are kept in memory as far as there is room, then in a file",
  client_header_buffer_size: "heads may have up to max_header_size",
  client_body_temp_path: "temporary files go to temporary_directory",
  client_body_in_single_buffer: "bodies are handed over as they are",
  connection_pool_size: "memory is taken as needed",
  request_pool_size: "memory is taken as needed",
  output_buffers: "memory is taken as needed",
  postpone_output: "memory is taken as needed",
  read_ahead: "the kernel reads ahead",
  aio: "files are read without holding up other requests",
  directio: "the kernel's cache is used",
  log_not_found: "a file that is not there is no error",
  log_subrequest: "requests inside the server are not logged",
  open_file_cache: "files that are asked for often are kept open and in memory",
  open_file_cache_errors: "files that are asked for often are kept open and in memory",
  open_file_cache_min_uses: "files that are asked for often are kept open and in memory",
  lingering_close: "connections are closed so that the reply arrives",
  lingering_time: "connections are closed so that the reply arrives",
  lingering_timeout: "connections are closed so that the reply arrives",
  port_in_redirect: "redirects are relative, so the port is the client's",
  server_name_in_redirect: "redirects are relative, so the host is the client's",
  resolver: "names are resolved as the machine does it, and again when their time is over",
  resolver_timeout: "names are resolved as the machine does it",
  keepalive_disable: "the browsers that it is about are gone",
  msie_padding: "the browsers that it is about are gone",
  limit_conn_log_level: "is logged by itself",
  limit_req_log_level: "is logged by itself",
  uninitialized_variable_warn: "unknown variables are refused when the file is read",
  rewrite_log: "server explain shows what becomes of a URL",
  http2_max_concurrent_streams: "HTTP/2 has bounds of its own here",
  acme_shared_zone: "certificates need no zone here",
  thread_pool: "files are read without holding up other requests",
  timer_resolution: "time is read where it is needed",
  ssl_prefer_server_ciphers: "ciphers are chosen by policy",
  ssl_protocols: "protocols are chosen by policy",
  ssl_ciphers: "ciphers are chosen by policy",
  ssl_session_cache: "sessions are taken up again by tickets",
  ssl_session_timeout: "sessions are taken up again by tickets",
  ssl_session_tickets: "sessions are taken up again by tickets",
  ssl_dhparam: "keys are agreed on by elliptic curves",
  ssl_stapling: "authorities have stopped to answer such questions (OCSP)",
  ssl_stapling_verify: "authorities have stopped to answer such questions (OCSP)",
  ssl: "listen says what is encrypted",
  http2: "which version of HTTP is spoken is settled with each client",
};

/** What happens here in any case, and the words that ask for something else: what is served is as good. */
const DEFAULT_HERE: Readonly<Record<string, readonly [sentence: string, ...others: string[]]>> = {
  server_tokens: ["no version is told", "on", "build"],
  ignore_invalid_headers: ["fields with invalid names are refused", "off"],
  etag: ["files have an ETag", "off"],
  if_modified_since: ["conditional requests are answered as the RFC says", "off", "before"],
  chunked_transfer_encoding: ["replies of unknown length are chunked", "off"],
  recursive_error_pages: ["an error of an error page is answered plainly", "on"],
  limit_conn_status: ["connections beyond the bound are answered 503", "429", "444"],
  limit_conn_dry_run: ["limits are in force", "on"],
  limit_req_dry_run: ["limits are in force", "on"],
};

/** Claimed wherever they decide something. */
const UNUSED: Readonly<Record<string, string>> = {
  root: "no location below it serves files",
  alias: "no location below it serves files",
  index: "no location below it serves files",
  max_ranges: "no location below it serves files",
  absolute_redirect: "no location below it serves files",
  try_files: "no location below it serves files",
  autoindex: "no location below it serves files",
  location: "nothing leads to it",
  break: "nothing follows it",
  default_type: "nothing beside it has a file or a text without a type",
  limit_req_zone: "no limit_req names it",
  limit_conn_zone: "no limit_conn names it",
  proxy_cache_path: "no proxy_cache names it",
  uwsgi_cache_path: "no uwsgi_cache names it",
};

/** Directives that change what is served, and who can do it in the place of nginx. */
const LOST: Readonly<Record<string, string>> = {
  types: "is one for the whole site here: write them into `types` of the [[site]]",
  charset_map: "texts are not converted; save them in UTF-8",
  dav_methods: "WebDAV is not served here; leave nginx in front of it",
  geo: "addresses are told apart by `access` of a site or route only; write its rules there",
  geoip2: "countries are not looked up; let the application do it",
  geoip_country: "countries are not looked up; let the application do it",
  geoip_city: "cities are not looked up; let the application do it",
  image_filter: "pictures are not changed here; let the application do it, or leave nginx in front of it",
  js_content: "JavaScript of nginx does not run here; let the application do it",
  perl: "Perl does not run here; let the application do it",
  content_by_lua_block: "Lua does not run here; let the application do it",
  access_by_lua_block: "Lua does not run here; let the application do it",
  limit_conn:
    "connections of an address are counted for the whole server; write max_connections_per_address in [server]",
  limit_except: "only `deny all` has a counterpart in it; write rules with $request_method",
  modsecurity: "requests are not looked through; leave it in front of this server",
  secure_link: "signed links are not verified here; let the application do it, and answer with X-Accel-Redirect",
  split_clients: "clients are not divided by lot; an upstream has weights",
  ssi: "pages are not put together here; let the application do it",
  sub_filter: "texts of replies are not replaced; let the application write what is right",
  sub_filter_once: "goes with sub_filter",
  sub_filter_types: "goes with sub_filter",
  valid_referers:
    'is not carried over; write a rule such as when = "$http_referer !~ ^https://example\\.org/", error = 403',
  proxy_bind: "connections come from the address that the kernel chooses; write a route of the system for it",
  uwsgi_bind: "connections come from the address that the kernel chooses; write a route of the system for it",
};

const HARMLESS: Readonly<Record<string, string>> = {
  // Of a location: those of http and server are translated.
  send_timeout: "is one for the whole server: write send_timeout into [server]",
  client_body_timeout: "is one for the whole server: write body_timeout into [server]",
  keepalive_timeout: "is one for the whole server: write keepalive_timeout into [server]",
  autoindex_exact_size: "listings have a look of their own; take the line out",
  autoindex_localtime: "listings have a look of their own; take the line out",
  limit_rate: "replies are not slowed down here",
  limit_rate_after: "replies are not slowed down here",
  add_trailer: "trailers are not sent",
  mirror: "requests are not mirrored",
  stub_status: "server status shows more",
  load_module: "modules are not loaded; what they did is named where it is used",
  env: "the environment is handed on as it is",
};

/** Of proxy_ and uwsgi_, without the prefix. */
const PASSING: Readonly<Record<string, readonly ["not-needed" | "default" | "harmless" | "lost" | "on", string]>> = {
  buffers: ["default", "replies are kept as far as reply_memory goes, then in a file"],
  buffer_size: ["default", "heads of replies have room"],
  busy_buffers_size: ["default", "replies are kept as far as reply_memory goes, then in a file"],
  temp_path: ["not-needed", "temporary files go to temporary_directory"],
  temp_file_write_size: ["not-needed", "memory is taken as needed"],
  http_version: ["default", "upstreams are spoken to in HTTP/1.1"],
  method: ["lost", "the client's method is passed; let the upstream take that"],
  set_body: ["lost", "the client's body is passed; let the upstream take that"],
  headers_hash_max_size: ["not-needed", "tables grow by themselves"],
  headers_hash_bucket_size: ["not-needed", "tables grow by themselves"],
  socket_keepalive: ["not-needed", "dead connections are found by their timeouts"],
  pass_header: ["default", "fields of replies are passed"],
  pass_request_headers: ["on", "fields of requests are passed; write headers_up = { remove = … } of the upstream"],
  pass_request_body: ["on", "bodies of requests are passed; only what `auth_request` asks has none"],
  ssl_server_name: ["default", "servers are told the name (SNI)"],
  ssl_session_reuse: ["default", "sessions are taken up again"],
  ssl_protocols: ["default", "TLS 1.2 and 1.3 are spoken"],
  ssl_ciphers: ["default", "ciphers are chosen by policy"],
  cache: ["harmless", "write cache = { ttl = … } into the route"],
  no_cache: ["harmless", "goes with the cache; bypass_cookies of it says which cookies pass by"],
  ignore_headers: [
    "harmless",
    "replies are believed in what they say of caching; ttl of a cache holds for those that say nothing",
  ],
  force_ranges: ["harmless", "ranges are the upstream's to serve"],
  limit_rate: ["harmless", "replies are not slowed down here"],
  store: ["harmless", "replies are not stored as files; write cache = { } into the route"],
};

/** `isPassed`: the location passes to HTTP servers, or to uwsgi ones. */
export function noteUnclaimed(ledger: Ledger, directive: Directive, passes: ReadonlySet<string>): void {
  if (ledger.knows(directive)) return;
  const { name } = directive;
  const passer = /^(proxy|uwsgi)_(.+)$/.exec(name);
  if (passer !== null) return notePassing(ledger, directive, passer[1] ?? "", passer[2] ?? "", passes);
  if (NOT_NEEDED[name] !== undefined) return ledger.notNeeded(directive, NOT_NEEDED[name]);
  if (DEFAULT_HERE[name] !== undefined) return noteDefault(ledger, directive, DEFAULT_HERE[name]);
  if (HARMLESS[name] !== undefined) return ledger.dropped(directive, HARMLESS[name]);
  if (/^(fastcgi|scgi|grpc|memcached)_/.test(name))
    return ledger.noEffect(directive, "nothing is passed on that way here");
  if (name.startsWith("brotli") || name.startsWith("zstd"))
    return ledger.defaultHere(directive, "Brotli and zstd are built in");
  if (UNUSED[name] !== undefined) return ledger.noEffect(directive, UNUSED[name]);
  if (!KNOWN_DIRECTIVES.has(name))
    return ledger.lost(directive, "belongs to no module of nginx's packages, and has no counterpart");
  ledger.lost(directive, LOST[name] ?? NO_COUNTERPART);
}

const NO_COUNTERPART = "has no counterpart here; leave nginx in front for it, or let the application do it";

function noteDefault(
  ledger: Ledger,
  directive: Directive,
  [sentence, ...others]: readonly [string, ...string[]],
): void {
  const word = directive.args[0]?.text ?? "";
  if (!others.includes(word)) return ledger.defaultHere(directive, sentence);
  ledger.dropped(directive, `${sentence}, whatever this says`);
}

function notePassing(
  ledger: Ledger,
  directive: Directive,
  passer: string,
  rest: string,
  passes: ReadonlySet<string>,
): void {
  if (!KNOWN_DIRECTIVES.has(directive.name))
    return ledger.lost(directive, "is no directive of nginx's, which does not start with it; take it out");
  if (!passes.has(`${passer}_pass`)) {
    const other = passer === "proxy" ? "uwsgi" : "proxy";
    const twin = KNOWN_DIRECTIVES.has(`${other}_${rest}`) ? `; ${other}_${rest} was probably meant` : "";
    const meant = passes.has(`${other}_pass`) ? `beside ${other}_pass${twin}` : `nothing is passed by ${passer}_pass`;
    return ledger.noEffect(directive, meant);
  }
  const [verdict, why] = PASSING[rest] ?? PASSING[rest.replace(/^cache_.*/, "cache")] ?? ["lost", NO_COUNTERPART];
  if (verdict === "on" && directive.args[0]?.text !== "off")
    return ledger.defaultHere(directive, why.replace(/;.*/, ""));
  if (verdict === "not-needed") ledger.notNeeded(directive, why);
  else if (verdict === "default") ledger.defaultHere(directive, why);
  else if (verdict === "harmless") ledger.dropped(directive, why);
  else ledger.lost(directive, why);
}

export function isFamiliar(name: string): boolean {
  return FAMILIAR_FILES[name] !== undefined;
}

/** The passes in a block and below it, else those of the whole file. */
export function passesIn(block: Block | readonly Directive[]): Set<string> {
  const found = new Set<string>();
  const visit = (directives: readonly Directive[]) => {
    for (const { name, block: inner } of directives) {
      if (name.endsWith("_pass")) found.add(name);
      visit(inner ?? []);
    }
  };
  visit(Array.isArray(block) ? (block as readonly Directive[]) : (block as Block).directives);
  return found;
}
