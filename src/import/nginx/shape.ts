/**
 * What nginx does not start with though every word of it is known: a directive that stands twice in a block, a switch that
 * is neither on nor off. Not here: values of other kinds, which those look at who translate them.
 */
import type { Ledger } from "./ledger.ts";
import type { Directive } from "./parser.ts";

const wordsOf = (text: string) => text.trim().split(/\s+/);

/** `on` or `off`, in any case (ngx_conf_set_flag_slot). */
const FLAGS: ReadonlySet<string> = new Set(
  wordsOf(`
  absolute_redirect accept_mutex autoindex autoindex_exact_size autoindex_localtime chunked_transfer_encoding daemon etag
  gunzip gzip gzip_vary ignore_invalid_headers log_not_found log_subrequest master_process merge_slashes msie_padding
  msie_refresh multi_accept open_file_cache_errors override_charset port_in_redirect proxy_buffering proxy_cache_lock
  proxy_cache_revalidate proxy_ignore_client_abort proxy_intercept_errors proxy_pass_request_body proxy_pass_request_headers
  proxy_request_buffering proxy_socket_keepalive proxy_ssl_server_name proxy_ssl_session_reuse proxy_ssl_verify
  real_ip_recursive recursive_error_pages reset_timedout_connection sendfile server_name_in_redirect
  ssl_prefer_server_ciphers ssl_session_tickets ssl_stapling ssl_stapling_verify tcp_nodelay tcp_nopush
  underscores_in_headers uwsgi_buffering uwsgi_cache_lock uwsgi_ignore_client_abort uwsgi_intercept_errors
  uwsgi_pass_request_body uwsgi_pass_request_headers uwsgi_request_buffering uwsgi_socket_keepalive`),
);

/** … and what else nginx takes once in a block. */
const SINGLE: ReadonlySet<string> = new Set([
  ...FLAGS,
  ...wordsOf(`
  alias auth_basic auth_basic_user_file auth_request charset client_body_buffer_size client_body_temp_path
  client_body_timeout client_header_timeout client_max_body_size default_type expires gzip_comp_level gzip_min_length
  gzip_static if_modified_since keepalive_requests keepalive_timeout large_client_header_buffers max_ranges pid proxy_bind
  proxy_buffer_size proxy_buffers proxy_cache proxy_cache_key proxy_connect_timeout proxy_http_version proxy_pass
  proxy_read_timeout proxy_send_timeout real_ip_header resolver resolver_timeout root satisfy send_timeout server_tokens
  ssl_ciphers ssl_dhparam ssl_session_cache ssl_session_timeout try_files types_hash_max_size user uwsgi_buffer_size
  uwsgi_buffers uwsgi_cache uwsgi_connect_timeout uwsgi_pass uwsgi_read_timeout uwsgi_send_timeout worker_connections
  worker_processes worker_rlimit_nofile`),
]);

export function isFlag(name: string): boolean {
  return FLAGS.has(name);
}

/** Those of one block, and what stands below it. */
export function checkShape(ledger: Ledger, directives: readonly Directive[]): void {
  const first = new Map<string, Directive>();
  for (const directive of directives) {
    const { name, args, block } = directive;
    const before = first.get(name);
    if (before === undefined) first.set(name, directive);
    else if (SINGLE.has(name)) ledger.error(directive, `is duplicate: ${placeOf(before)} says it already`);
    const value = args[0]?.text ?? "";
    if (FLAGS.has(name) && !/^(?:on|off)$/.test(value) && !value.includes("$"))
      ledger.error(directive, `${value === "" ? "nothing" : value} is neither on nor off`);
    checkShape(ledger, block ?? []);
  }
}

function placeOf({ origin: { file, offset } }: Directive): string {
  return `line ${file.positionOf(offset).line}`;
}
