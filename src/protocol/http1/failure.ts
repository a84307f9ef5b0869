/**
 * What can be wrong with an HTTP/1 message: one stable code each, its status for a client and a sentence for people.
 * Every one is final: after a failure the connection's framing is not to be trusted (RFC 9112 section 6.3), so it closes.
 */

const FAILURES = {
  // start line
  bad_method: [400, "the request line does not begin with a method"],
  method_too_long: [501, "the method is too long"],
  bad_target: [400, "the request target is not valid"],
  target_too_long: [414, "the request target is too long"],
  target_form_not_allowed: [400, "this form of request target does not belong to this method"],
  target_has_fragment: [400, "the request target has a fragment"],
  target_has_userinfo: [400, "the request target has user information"],
  target_bad_host: [400, "the host in the request target is not valid"],
  target_bad_escape: [400, "the path has a % without two hexadecimal digits"],
  target_has_nul: [400, "the path has a NUL byte"],
  // As any path to what is not there. (nginx: 400.)
  target_above_root: [404, "the path leads above the root"],
  bad_version: [400, "the request line does not end with HTTP/1.1 or HTTP/1.0"],
  version_not_supported: [505, "the HTTP version is not supported"],
  bad_status_line: [400, "the status line is not valid"],
  status_line_too_long: [400, "the status line is too long"],
  // field lines
  space_before_first_field: [400, "the first field line begins with whitespace"],
  obs_fold: [400, "a field line is folded"],
  bad_field_name: [400, "a field name is not a token"],
  empty_field_name: [400, "a field line has no name"],
  space_before_colon: [400, "a field name is followed by whitespace"],
  field_name_too_long: [431, "a field name is too long"],
  bad_field_value: [400, "a field value has a control byte"],
  bare_cr: [400, "a line has a CR without LF"],
  bare_lf: [400, "a line ends with LF without CR"],
  head_too_large: [431, "the head is too large"],
  too_many_fields: [431, "the head has too many fields"],
  repeated_field: [400, "a field that may stand once is repeated"],
  malformed_head: [400, "the head is malformed"],
  truncated_head: [400, "the connection ended within the head"],
  // Host
  missing_host: [400, "an HTTP/1.1 request has no Host"],
  bad_host: [400, "the Host field is not valid"],
  // framing
  te_and_cl: [400, "the message has both Transfer-Encoding and Content-Length"],
  te_in_http10: [400, "an HTTP/1.0 message has Transfer-Encoding"],
  te_invalid: [400, "the Transfer-Encoding field is not valid"],
  te_chunked_not_final: [400, "chunked is not the one and final transfer coding"],
  te_unknown: [501, "the transfer coding is not supported"],
  cl_invalid: [400, "the Content-Length field is not a number"],
  cl_too_large: [400, "the Content-Length field is too large"],
  // content
  bad_chunk_size: [400, "a chunk does not begin with its size"],
  chunk_size_too_large: [400, "a chunk size is too large"],
  bad_chunk_extension: [400, "a chunk extension is not valid"],
  chunk_extension_too_large: [400, "the chunk extensions are too large"],
  bad_chunk_end: [400, "a chunk does not end with CRLF"],
  trailers_too_large: [431, "the trailer section is too large"],
  forbidden_trailer: [400, "a trailer field belongs in the head"],
  truncated_body: [400, "the connection ended within the content"],
  // responses only
  uncertain_end: [
    502,
    "the connection ended without TLS saying so (close_notify), and nothing else tells that the content is whole: its server should send Content-Length or chunks, or close as TLS asks",
  ],
  no_response: [502, "the connection ended before a response began"],
  too_many_interim: [502, "too many interim responses"],
} as const satisfies Record<string, readonly [number, string]>;

export type FailureCode = keyof typeof FAILURES;

export class HeadFailure {
  /** For the answer to a client. */
  readonly status: number;
  /** Stable: for logs, counters and tests. */
  readonly code: FailureCode;
  /** For people; may quote what was sent, so it goes to the log, never unescaped into a page. */
  readonly message: string;

  constructor(code: FailureCode, message?: string) {
    this.status = FAILURES[code][0];
    this.code = code;
    this.message = message ?? FAILURES[code][1];
  }
}
