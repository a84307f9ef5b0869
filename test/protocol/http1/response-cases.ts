/** Wire cases for the client's side, named after the rule. Traces are explained in test/support/http1.ts. */

export interface ResponseCase {
  readonly name: string;
  readonly method: string;
  readonly wire: string;
  /** Does the peer half-close behind it? */
  readonly ends: boolean;
  readonly trace: readonly string[];
}

const ok = (fields: string, body = "") => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
const chunked = (body: string) => ok("Transfer-Encoding: chunked\r\n", body);
const asked =
  (method: string, ends: boolean) =>
  (name: string, wire: string, ...trace: string[]): ResponseCase => ({ name, method, wire, ends, trace });
const open = asked("GET", false);
const ended = asked("GET", true);
const head = asked("HEAD", false);
const connect = asked("CONNECT", false);

const OK_CHUNKED = "head 200 OK length=unknown keep";
const EARLY = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";

export const RESPONSES: readonly ResponseCase[] = [
  open(
    "rfc9112_6_3_6_content_length",
    ok("Content-Length: 5\r\n", "hello"),
    "head 200 OK length=5 keep",
    "data 5 hello",
    "end",
  ),
  open("rfc9112_6_3_6_content_length_0", ok("Content-Length: 0\r\n"), "head 200 OK length=0 keep", "end"),
  open("rfc9112_7_1_chunked", chunked("5\r\nhello\r\n0\r\n\r\n"), OK_CHUNKED, "data 5 hello", "end"),
  open("rfc9112_7_1_chunked_with_trailers", chunked("1\r\na\r\n0\r\nX: y\r\n\r\n"), OK_CHUNKED, "data 1 a", "end X: y"),
  ended("rfc9112_6_3_8_until_close", ok("", "hello"), "head 200 OK length=unknown close", "data 5 hello", "end"),
  ended("rfc9112_6_3_8_until_close_without_content", ok(""), "head 200 OK length=unknown close", "end"),
  open("rfc9112_6_3_8_not_closed_yet", ok("", "hello"), "head 200 OK length=unknown close", "data 5 hello"),
  open(
    "rfc9112_6_3_1_no_content_with_204",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "head 204 No Content length=0 keep",
    "end",
  ),
  open(
    "rfc9112_6_3_1_204_with_length",
    "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "head 204 No Content length=0 keep",
    "end",
    "surplus 5",
  ),
  open(
    "rfc9112_6_3_1_304_announces",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "head 304 Not Modified length=5 keep",
    "end",
  ),
  head("rfc9112_6_3_1_head_announces", ok("Content-Length: 5\r\n"), "head 200 OK length=5 keep", "end"),
  head("rfc9112_6_3_1_head_of_chunked", ok("Transfer-Encoding: chunked\r\n"), "head 200 OK length=unknown keep", "end"),
  head(
    "rfc9112_6_3_1_head_with_content",
    ok("Content-Length: 5\r\n", "hello"),
    "head 200 OK length=5 keep",
    "end",
    "surplus 5",
  ),
  connect(
    "rfc9112_6_3_2_connect_opens_a_tunnel",
    ok("Content-Length: 5\r\n", "raw"),
    "head 200 OK length=0 close",
    "end",
    "surplus 3",
  ),
  connect(
    "rfc9112_6_3_2_connect_refused",
    "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
    "head 403 No length=2 keep",
    "data 2 no",
    "end",
  ),
  open(
    "rfc9110_15_2_2_switching_protocols",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw",
    "head 101 Switching Protocols length=0 close upgrade=x",
    "end",
    "surplus 3",
  ),
  open(
    "rfc9110_15_2_interim",
    `HTTP/1.1 100 Continue\r\n\r\n${EARLY}${ok("Content-Length: 0\r\n")}`,
    "interim 100",
    "interim 103",
    "head 200 OK length=0 keep",
    "end",
  ),
  open(
    "rfc9110_15_2_interim_has_no_content",
    `HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n${ok("Content-Length: 0\r\n")}`,
    "interim 100",
    "head 200 OK length=0 keep",
    "end",
  ),
  open(
    "rfc9110_15_2_sixteen_interim",
    EARLY.repeat(16) + ok("Content-Length: 0\r\n"),
    ...Array.from({ length: 16 }, () => "interim 103"),
    "head 200 OK length=0 keep",
    "end",
  ),
  open(
    "rfc9110_15_2_interim_flood",
    EARLY.repeat(17),
    ...Array.from({ length: 16 }, () => "interim 103"),
    "failed too_many_interim",
  ),
  open("rfc9112_4_no_reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "head 200  length=0 keep", "end"),
  open(
    "rfc9112_4_no_space_before_no_reason",
    "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "head 200  length=0 keep",
    "end",
  ),
  open(
    "rfc9112_4_reason_in_obs_text",
    "HTTP/1.1 200 \xe9 t\xe9\r\nContent-Length: 0\r\n\r\n",
    "head 200 \xe9 t\xe9 length=0 keep",
    "end",
  ),
  open(
    "rfc9110_15_unregistered_status",
    "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n",
    "head 599 X length=0 keep",
    "end",
  ),
  open("rfc9112_9_3_close", ok("Connection: close\r\nContent-Length: 0\r\n"), "head 200 OK length=0 close", "end"),
  open(
    "rfc9112_9_3_http10",
    "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "head 200 OK length=1 close",
    "data 1 x",
    "end",
  ),
  open(
    "rfc9112_9_3_http10_keep_alive",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    "head 200 OK length=0 keep",
    "end",
  ),
  open(
    "rfc9112_6_3_surplus_after_length",
    ok("Content-Length: 1\r\n", "xHTTP/1.1 200 OK\r\n\r\n"),
    "head 200 OK length=1 keep",
    "data 1 x",
    "end",
    "surplus 19",
  ),
  open("rfc9112_6_3_surplus_after_chunks", chunked("0\r\n\r\nx"), OK_CHUNKED, "end", "surplus 1"),
  open(
    "rfc9110_5_3_repeated_fields_pass",
    ok("Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n"),
    "head 200 OK length=0 keep",
    "end",
  ),

  open(
    "rfc9112_6_3_te_and_cl",
    ok("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
    "failed te_and_cl",
  ),
  head("rfc9112_6_3_te_and_cl_of_head", ok("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "failed te_and_cl"),
  open("rfc9112_6_3_5_two_cl", ok("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), "failed repeated_field"),
  open(
    "rfc9112_6_3_5_two_equal_cl",
    ok("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
    "failed repeated_field",
  ),
  open("rfc9110_8_6_cl_list", ok("Content-Length: 5, 5\r\n", "hello"), "failed cl_invalid"),
  open("rfc9110_8_6_cl_with_sign", ok("Content-Length: +5\r\n", "hello"), "failed cl_invalid"),
  open("rfc9110_8_6_cl_empty", ok("Content-Length:\r\n", "hello"), "failed cl_invalid"),
  open("rfc9110_8_6_cl_too_large", ok("Content-Length: 18446744073709551621\r\n", "hello"), "failed cl_too_large"),
  open("rfc9112_6_1_te_unknown", ok("Transfer-Encoding: gzip\r\n", "x"), "failed te_unknown"),
  open("rfc9112_6_1_te_empty", ok("Transfer-Encoding:\r\n", "x"), "failed te_invalid"),
  open(
    "rfc9112_6_1_te_chunked_twice",
    ok("Transfer-Encoding: chunked, chunked\r\n", "x"),
    "failed te_chunked_not_final",
  ),
  open(
    "rfc9112_6_1_te_in_http10",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "failed te_in_http10",
  ),
  open("rfc9112_5_2_obs_fold", ok("X: y\r\n z\r\n"), "failed obs_fold"),
  open("rfc9112_5_1_space_before_colon", ok("X : y\r\n"), "failed space_before_colon"),
  open("rfc9112_5_1_no_colon", ok("X\r\n"), "failed bad_field_name"),
  open("rfc9110_5_5_nul_in_value", ok("X: a\0b\r\n"), "failed bad_field_value"),
  open("rfc9110_5_5_control_in_value", ok("X: a\x08b\r\n"), "failed bad_field_value"),
  open("rfc9112_2_2_bare_cr", ok("X: a\rb\r\n"), "failed bare_cr"),
  open("rfc9112_2_2_bare_lf", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "failed bare_lf"),
  open("rfc9112_4_http09", "<html></html>\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_major_2", "HTTP/2.0 200 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_lower_case", "http/1.1 200 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_two_digits", "HTTP/1.1 20 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_four_digits", "HTTP/1.1 2000 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9110_15_status_0", "HTTP/1.1 000 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9110_15_status_999", "HTTP/1.1 999 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_two_spaces", "HTTP/1.1  200 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_space_before", " HTTP/1.1 200 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_empty_line_before", "\r\nHTTP/1.1 200 OK\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_nul_in_reason", "HTTP/1.1 200 O\0K\r\n\r\n", "failed bad_status_line"),
  open("rfc9112_4_line_too_long", `HTTP/1.1 200 ${"x".repeat(2000)}\r\n\r\n`, "failed status_line_too_long"),
  open(
    "rfc9112_4_line_too_long_by_one",
    `HTTP/1.1 200 ${"x".repeat(1024 - 13)}\r\n\r\n`,
    "failed status_line_too_long",
  ),
  open("rfc9112_4_line_without_end", `HTTP/1.1 200 ${"x".repeat(2000)}`, "failed status_line_too_long"),
  open("limits_head_too_large", ok(`X: ${"y".repeat(70_000)}\r\n`), "failed head_too_large"),
  open("limits_too_many_fields", ok("X: y\r\n".repeat(201)), "failed too_many_fields"),
  open("rfc9112_7_1_bad_chunk_size", chunked("x\r\n"), OK_CHUNKED, "failed bad_chunk_size"),
  open("rfc9112_7_1_2_trailer_cl", chunked("0\r\nContent-Length: 1\r\n\r\n"), OK_CHUNKED, "failed forbidden_trailer"),
  ended("rfc9112_8_no_response", "", "failed no_response"),
  ended("rfc9112_8_in_head", "HTTP/1.1 200 OK\r\nX: y\r\n", "failed truncated_head"),
  ended("rfc9112_8_after_interim", EARLY, "interim 103", "failed truncated_head"),
  ended(
    "rfc9112_8_content_shorter_than_length",
    ok("Content-Length: 5\r\n", "hell"),
    "head 200 OK length=5 keep",
    "data 4 hell",
    "failed truncated_body",
  ),
  ended("rfc9112_8_no_last_chunk", chunked("1\r\nx\r\n"), OK_CHUNKED, "data 1 x", "failed truncated_body"),
];
