/**
 * The directives of nginx and of the modules that its packages bring: what is none of these is a typing mistake, or belongs
 * to a module that was built in. Not here: what they mean.
 */

const CORE = `
  accept_mutex accept_mutex_delay daemon debug_connection debug_points env error_log events include load_module lock_file
  master_process multi_accept pcre_jit pid ssl_engine ssl_object_cache_inheritable thread_pool timer_resolution use user
  worker_aio_requests worker_connections worker_cpu_affinity worker_priority worker_processes worker_rlimit_core
  worker_rlimit_nofile worker_shutdown_timeout working_directory
  absolute_redirect aio aio_write alias auth_delay chunked_transfer_encoding client_body_buffer_size
  client_body_in_file_only client_body_in_single_buffer client_body_temp_path client_body_timeout
  client_header_buffer_size client_header_timeout client_max_body_size connection_pool_size default_type directio
  directio_alignment disable_symlinks early_hints error_page etag http if_modified_since ignore_invalid_headers internal
  keepalive_disable keepalive_min_timeout keepalive_requests keepalive_time keepalive_timeout large_client_header_buffers
  limit_except limit_rate limit_rate_after lingering_close lingering_time lingering_timeout listen location log_not_found
  log_subrequest max_headers max_ranges merge_slashes msie_padding msie_refresh open_file_cache open_file_cache_errors
  open_file_cache_min_uses open_file_cache_valid output_buffers port_in_redirect postpone_output read_ahead
  recursive_error_pages request_pool_size reset_timedout_connection resolver resolver_timeout root satisfy send_lowat
  send_timeout sendfile sendfile_max_chunk server server_name server_name_in_redirect server_names_hash_bucket_size
  server_names_hash_max_size server_tokens subrequest_output_buffer_size tcp_nodelay tcp_nopush try_files types
  types_hash_bucket_size types_hash_max_size underscores_in_headers variables_hash_bucket_size variables_hash_max_size`;

const MODULES = `
  allow deny access_log log_format open_log_file_cache add_header add_header_inherit add_trailer add_trailer_inherit expires
  add_after_body add_before_body addition_types auth_basic auth_basic_user_file auth_request auth_request_set autoindex
  autoindex_exact_size autoindex_format autoindex_localtime break if return rewrite rewrite_log set
  uninitialized_variable_warn ancient_browser modern_browser charset charset_map charset_types override_charset source_charset
  dav_access dav_methods create_full_put_path min_delete_depth empty_gif geo geoip_city geoip_country geoip_org geoip_proxy
  geoip_proxy_recursive gunzip gunzip_buffers gzip gzip_buffers gzip_comp_level gzip_disable gzip_http_version
  gzip_min_length gzip_proxied gzip_types gzip_vary gzip_static http2 http2_body_preread_size http2_chunk_size
  http2_idle_timeout http2_max_concurrent_pushes http2_max_concurrent_streams http2_max_field_size http2_max_header_size
  http2_max_requests http2_push http2_push_preload http2_recv_buffer_size http2_recv_timeout http3 http3_hq
  http3_max_concurrent_streams http3_stream_buffer_size quic_active_connection_id_limit quic_bpf quic_gso quic_host_key
  quic_retry image_filter index js_import js_set js_content limit_conn limit_conn_dry_run limit_conn_log_level
  limit_conn_status limit_conn_zone limit_zone limit_req limit_req_dry_run limit_req_log_level limit_req_status limit_req_zone
  map map_hash_bucket_size map_hash_max_size memcached_pass mirror mirror_request_body mp4 flv perl perl_modules perl_set
  random_index real_ip_header real_ip_recursive set_real_ip_from referer_hash_bucket_size referer_hash_max_size
  valid_referers secure_link secure_link_md5 secure_link_secret slice split_clients ssi ssi_types stub_status sub_filter
  sub_filter_last_modified sub_filter_once sub_filter_types userid userid_domain userid_expires userid_name userid_path
  xslt_stylesheet stream mail
  ssl ssl_buffer_size ssl_certificate ssl_certificate_cache ssl_certificate_key ssl_ciphers ssl_client_certificate
  ssl_conf_command ssl_crl ssl_dhparam ssl_early_data ssl_ecdh_curve ssl_ocsp ssl_ocsp_cache ssl_ocsp_responder
  ssl_password_file ssl_prefer_server_ciphers ssl_protocols ssl_reject_handshake ssl_session_cache ssl_session_ticket_key
  ssl_session_tickets ssl_session_timeout ssl_stapling ssl_stapling_file ssl_stapling_responder ssl_stapling_verify
  ssl_trusted_certificate ssl_verify_client ssl_verify_depth acme_certificate acme_issuer acme_shared_zone
  upstream hash ip_hash keepalive least_conn least_time ntlm queue random state sticky sticky_cookie_insert zone
  upstream_conf health_check match status status_zone api js_path js_include`;

/** What proxy_pass, uwsgi_pass and their kin have in common, without the prefix. */
const PASSING = `
  bind buffer_size buffering buffers busy_buffers_size cache cache_background_update cache_bypass
  cache_convert_head cache_key cache_lock cache_lock_age cache_lock_timeout cache_max_range_offset cache_methods
  cache_min_uses cache_path cache_purge cache_revalidate cache_use_stale cache_valid connect_timeout force_ranges
  hide_header ignore_client_abort ignore_headers intercept_errors limit_rate max_temp_file_size next_upstream
  next_upstream_timeout next_upstream_tries no_cache pass pass_header pass_request_body pass_request_headers read_timeout
  request_buffering send_lowat send_timeout socket_keepalive store store_access temp_file_write_size temp_path`;

const OVER_TLS = `
  ssl_certificate ssl_certificate_key ssl_ciphers ssl_conf_command ssl_crl ssl_key_log ssl_name ssl_password_file
  ssl_protocols ssl_server_name ssl_session_reuse ssl_trusted_certificate ssl_verify ssl_verify_depth`;

/** … and what only one of them has. */
const PASSERS: Readonly<Record<string, string>> = {
  proxy: `${PASSING} ${OVER_TLS} set_body set_header cookie_domain cookie_flags cookie_path headers_hash_bucket_size
    headers_hash_max_size http_version method redirect allow_upstream`,
  uwsgi: `${PASSING} ${OVER_TLS} param modifier1 modifier2 string`,
  fastcgi: `${PASSING} param index split_path_info catch_stderr keep_conn`,
  scgi: `${PASSING} param`,
  grpc: `${PASSING} ${OVER_TLS} set_header`,
};

/** Not part of nginx, but often built in. */
const THIRD_PARTY = `
  brotli brotli_buffers brotli_comp_level brotli_min_length brotli_static brotli_types brotli_window
  zstd zstd_comp_level zstd_min_length zstd_static zstd_types more_set_headers more_clear_headers more_set_input_headers
  more_clear_input_headers pagespeed modsecurity modsecurity_rules modsecurity_rules_file vhost_traffic_status
  vhost_traffic_status_display vhost_traffic_status_zone headers_more fancyindex fancyindex_exact_size geoip2
  passenger_enabled passenger_root passenger_ruby passenger_python passenger_app_root uwsgi_cache_zone
  content_by_lua content_by_lua_block content_by_lua_file access_by_lua access_by_lua_block access_by_lua_file
  rewrite_by_lua_block rewrite_by_lua_file header_filter_by_lua_block init_by_lua_block set_by_lua_block
  lua_package_path lua_shared_dict upload_pass upload_store upload_progress echo`;

const words = (text: string) => text.trim().split(/\s+/);

export const KNOWN_DIRECTIVES: ReadonlySet<string> = new Set([
  ...words(CORE),
  ...words(MODULES),
  ...Object.entries(PASSERS).flatMap(([passer, text]) => words(text).map((word) => `${passer}_${word}`)),
  ...words(THIRD_PARTY),
]);
