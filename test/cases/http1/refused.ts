/** Further requests that are refused: classes of request smuggling and of damage that other readers let pass. */
import {
  chunked,
  CHUNKED_A,
  get,
  hosted,
  post,
  type RefusedCase,
  refused,
  startLine,
} from "../../protocol/http1/request-wires.ts";

const CONTROLS = [0x01, 0x07, 0x08, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0x7f];
const hex = (byte: number) => byte.toString(16).padStart(2, "0");
const te = (value: string, body = "0\r\n\r\n") => post(`Transfer-Encoding: ${value}\r\n`, body);

export const MORE_REFUSED: readonly RefusedCase[] = [
  ...CONTROLS.map((byte) =>
    refused(
      `rfc9110_5_5_control_${hex(byte)}_in_value`,
      get(`X: a${String.fromCharCode(byte)}b\r\n`),
      "400 bad_field_value",
    ),
  ),
  ...[0x01, 0x09, 0x0b, 0x7f].map((byte) =>
    refused(
      `rfc9112_3_control_${hex(byte)}_in_target`,
      startLine(`GET /a${String.fromCharCode(byte)}b HTTP/1.1`),
      "400 bad_target",
    ),
  ),
  ...['"', "(", ")", ",", "/", ";", "<", "=", ">", "?", "@", "[", "\\", "]", "{", "}"].map((byte) =>
    refused(`rfc9110_5_6_2_${JSON.stringify(byte)}_in_name`, get(`X${byte}Y: z\r\n`), "400 bad_field_name"),
  ),
  ...['"', "(", ",", "/", ";", "@", "[", "{"].map((byte) =>
    refused(`rfc9110_5_6_2_${JSON.stringify(byte)}_in_method`, startLine(`G${byte}T / HTTP/1.1`), "400 bad_method"),
  ),
  // RFC 9112 section 2 and 3: lines
  refused("rfc9112_2_2_bom_before_the_method", `\xef\xbb\xbf${get()}`, "400 bad_method"),
  refused("rfc9112_2_2_space_before_the_method", ` ${get()}`, "400 bad_method"),
  refused("rfc9112_2_2_lf_cr_line_end", "GET / HTTP/1.1\n\rHost: a\n\r\n\r", "400 bare_lf"),
  refused("rfc9112_2_2_cr_cr_lf", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "400 bad_version"),
  refused("rfc9112_2_2_nul_line_end", "GET / HTTP/1.1\0\r\nHost: a\r\n\r\n", "400 bad_version"),
  refused(
    "rfc9112_2_2_bare_lf_before_content",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\nok",
    "400 bare_lf",
  ),
  refused("rfc9112_2_2_line_separator_of_unicode", "GET / HTTP/1.1\xe2\x80\xa8Host: a\r\n\r\n", "400 bad_version"),
  refused("rfc9112_2_2_a_response", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "400 bad_method"),
  refused("rfc9112_3_no_target", startLine("GET HTTP/1.1"), "400 bad_version"),
  refused("rfc9112_3_four_parts", startLine("GET / / HTTP/1.1"), "400 bad_version"),
  refused("rfc9112_2_3_version_with_space", startLine("GET / HTTP/ 1.1"), "400 bad_version"),
  refused("rfc9112_2_3_version_with_plus", startLine("GET / HTTP/+1.1"), "400 bad_version"),
  refused("rfc9112_2_3_version_without_dot", startLine("GET / HTTP/11"), "400 bad_version"),
  refused("rfc9112_2_3_version_with_leading_zero", startLine("GET / HTTP/01.1"), "400 bad_version"),
  refused("rfc9112_2_3_version_of_letters", startLine("GET / HTTP/x.y"), "400 bad_version"),
  refused("rfc9110_15_6_6_major_9", startLine("GET / HTTP/9.9"), "505 version_not_supported"),
  // section 3.2: targets
  refused("rfc9112_3_2_empty_scheme", startLine("GET ://a/ HTTP/1.1"), "400 bad_target"),
  refused("rfc9112_3_2_scheme_without_slashes", startLine("GET http:a HTTP/1.1"), "400 bad_target"),
  refused("rfc9112_3_2_scheme_with_one_slash", startLine("GET http:/a HTTP/1.1"), "400 bad_target"),
  refused("rfc9112_3_2_asterisk_with_query", startLine("OPTIONS *?a HTTP/1.1"), "400 bad_target"),
  refused("rfc9112_3_2_backslash_target", startLine("GET \\a HTTP/1.1"), "400 bad_target"),
  refused("rfc9112_3_2_query_only", startLine("GET ?a HTTP/1.1"), "400 bad_target"),
  refused("rfc9112_3_2_javascript", startLine("GET javascript:alert(1) HTTP/1.1"), "400 bad_target"),
  refused("rfc9110_4_2_4_userinfo_without_password", startLine("GET http://u@a/ HTTP/1.1"), "400 target_has_userinfo"),
  refused("rfc9112_3_2_2_absolute_form_with_bad_port", startLine("GET http://a:b/ HTTP/1.1"), "400 target_bad_host"),
  refused(
    "rfc9112_3_2_2_absolute_form_with_large_port",
    startLine("GET http://a:70000/ HTTP/1.1"),
    "400 target_bad_host",
  ),
  refused(
    "rfc9112_3_2_2_absolute_form_with_open_bracket",
    startLine("GET http://[::1/ HTTP/1.1"),
    "400 target_bad_host",
  ),
  refused(
    "rfc9112_3_2_2_absolute_form_with_zone",
    startLine("GET http://[fe80::1%25eth0]/ HTTP/1.1"),
    "400 target_bad_host",
  ),
  refused(
    "rfc9112_3_2_3_connect_to_the_absolute_form",
    startLine("CONNECT http://a:1/ HTTP/1.1"),
    "400 target_bad_host",
  ),
  refused("rfc9112_3_2_3_connect_with_userinfo", startLine("CONNECT u@a:1 HTTP/1.1"), "400 target_has_userinfo"),
  refused("rfc3986_3_3_above_the_root_after_a_segment", startLine("GET /a/../../b HTTP/1.1"), "404 target_above_root"),
  refused("rfc3986_2_1_percent_at_the_end", startLine("GET /a% HTTP/1.1"), "400 target_bad_escape"),
  refused("rfc3986_2_1_unicode_escape", startLine("GET /%u0041 HTTP/1.1"), "400 target_bad_escape"),
  // Host
  ...[
    "a:-1",
    "a: 80",
    "a:80:80",
    "::1",
    "[::1]x",
    "[::1%25lo]",
    "[1]",
    "a..b",
    ".",
    "http://a",
    "a?b",
    "a#b",
    "%zz",
  ].map((value) => refused(`rfc9112_3_2_host_${JSON.stringify(value)}`, hosted(value), "400 bad_host")),
  refused("rfc9112_3_2_bad_host_in_http10", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", "400 bad_host"),
  refused("rfc9112_3_2_host_folded", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", "400 obs_fold"),
  // framing: what one reader takes for chunked and another does not
  ...["xchunked", "chunkedx", "chunke", "chunked-", "x, chunked", "gzip", "deflate, chunked", "identity"].map((value) =>
    refused(`rfc9112_6_1_te_${JSON.stringify(value)}`, te(value), "501 te_unknown"),
  ),
  ...["chunked, identity", "chunked, gzip, chunked", "chunked, x"].map((value) =>
    refused(`rfc9112_6_3_4_te_${JSON.stringify(value)}`, te(value), "400 te_chunked_not_final"),
  ),
  ...[",chunked", "chunked ,", "chunked\xa0", "'chunked\"", "chunked;", "chunked; a=b", "chun ked", "\x85chunked"].map(
    (value) => refused(`rfc9112_6_1_te_${JSON.stringify(value)}`, te(value), "400 te_invalid"),
  ),
  ...["\x0bchunked", "chunked\0", "\x1fchunked"].map((value) =>
    refused(`rfc9112_6_1_te_${JSON.stringify(value)}`, te(value), "400 bad_field_value"),
  ),
  refused(
    "rfc9112_6_1_te_empty_then_chunked",
    post("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "400 repeated_field",
  ),
  refused(
    "rfc9112_6_3_te_and_cl_in_a_list_of_fields",
    post("Content-Length: 4\r\nX: y\r\nTransfer-Encoding: identity\r\n", "a"),
    "400 te_and_cl",
  ),
  refused(
    "rfc9112_6_3_te_and_cl_0",
    post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n"),
    "400 te_and_cl",
  ),
  refused(
    "rfc9112_6_1_te_and_keep_alive_in_http10",
    "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "400 te_in_http10",
  ),
  ...["5,5", "5 , 5", "0,0", "00x", "٣", "5\xa0", '"5"', "Infinity", "NaN", "5e0", "0b1", "1,000"].map((value) =>
    refused(
      `rfc9110_8_6_content_length_${JSON.stringify(value)}`,
      post(`Content-Length: ${Buffer.from(value, "utf8").latin1Slice()}\r\n`, "hello"),
      "400 cl_invalid",
    ),
  ),
  refused("rfc9110_8_6_content_length_on_get_invalid", get("Content-Length: a\r\n"), "400 cl_invalid"),
  refused("rfc9110_8_6_content_length_folded", post("Content-Length: 5\r\n 6\r\n", "hello"), "400 obs_fold"),
  // chunks
  ...["0x", "1 ", "1\t", "'1'", "1.0", "1+0", "١", "-0", "1h", "\0"].map((size) =>
    refused(
      `rfc9112_7_1_chunk_size_${JSON.stringify(size)}`,
      chunked(`${Buffer.from(size, "utf8").latin1Slice()}\r\nx\r\n0\r\n\r\n`),
      "400 bad_chunk_size",
      CHUNKED_A,
    ),
  ),
  refused(
    "rfc9112_7_1_chunk_size_of_17_digits",
    chunked("00000000000000001\r\nx\r\n0\r\n\r\n"),
    "400 chunk_size_too_large",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_chunk_size_negative_as_64_bits",
    chunked("ffffffffffffffff\r\nx\r\n0\r\n\r\n"),
    "400 chunk_size_too_large",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_content_then_two_crlf",
    chunked("1\r\nx\r\n\r\n0\r\n\r\n"),
    "400 bad_chunk_size",
    CHUNKED_A,
    "data 1 x",
  ),
  refused(
    "rfc9112_7_1_cr_cr_lf_after_content",
    chunked("1\r\nx\r\r\n0\r\n\r\n"),
    "400 bad_chunk_end",
    CHUNKED_A,
    "data 1 x",
  ),
  refused(
    "rfc9112_7_1_lf_cr_after_content",
    chunked("1\r\nx\n\r0\r\n\r\n"),
    "400 bad_chunk_end",
    CHUNKED_A,
    "data 1 x",
  ),
  refused(
    "rfc9112_7_1_any_two_bytes_after_content",
    chunked("1\r\nxXX0\r\n\r\n"),
    "400 bad_chunk_end",
    CHUNKED_A,
    "data 1 x",
  ),
  refused(
    "rfc9112_7_1_bare_lf_after_last_chunk",
    chunked("1\r\nx\r\n0\n\r\n"),
    "400 bad_chunk_size",
    CHUNKED_A,
    "data 1 x",
  ),
  refused("rfc9112_7_1_1_cr_in_extension", chunked("1;a\r=b\r\nx\r\n0\r\n\r\n"), "400 bad_chunk_extension", CHUNKED_A),
  refused(
    "rfc9112_7_1_1_newline_hides_a_size",
    chunked("1;\n5\r\nx\r\n0\r\n\r\n"),
    "400 bad_chunk_extension",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_1_open_quote_to_the_line_end",
    chunked('1;a="\r\nx\r\n0\r\n\r\n'),
    "400 bad_chunk_extension",
    CHUNKED_A,
  ),
  refused("rfc9112_7_1_1_high_byte_in_name", chunked("1;\xe9\r\nx\r\n0\r\n\r\n"), "400 bad_chunk_extension", CHUNKED_A),
  ...["Connection: close", "Expect: 100-continue", "Upgrade: x", "transfer-encoding: x", "HOST: a"].map((line) =>
    refused(
      `rfc9110_6_5_1_trailer_${line.split(":", 1)[0]}`,
      chunked(`0\r\n${line}\r\n\r\n`),
      "400 forbidden_trailer",
      CHUNKED_A,
    ),
  ),
  refused("rfc9112_7_1_2_trailer_with_nul", chunked("0\r\nX: \0\r\n\r\n"), "400 bad_field_value", CHUNKED_A),
  refused("rfc9112_7_1_2_trailer_without_colon", chunked("0\r\nX\r\n\r\n"), "400 bad_field_name", CHUNKED_A),
  refused("rfc9112_7_1_2_space_for_trailers", chunked("0\r\n \r\n\r\n"), "400 space_before_first_field", CHUNKED_A),
  // the next request is judged like the first
  refused(
    "rfc9112_9_3_2_broken_request_after_content",
    post("Content-Length: 1\r\n", "x") + "GET\r\n\r\n",
    "400 bad_method",
    "head POST / host=a length=1 keep",
    "data 1 x",
    "end",
  ),
  refused(
    "rfc9112_9_3_2_content_longer_than_its_length",
    post("Content-Length: 1\r\n", "xyz\r\n\r\n"),
    "400 bad_method",
    "head POST / host=a length=1 keep",
    "data 1 x",
    "end",
  ),
];
