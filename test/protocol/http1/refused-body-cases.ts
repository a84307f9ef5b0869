/** Framing and content that are refused (RFC 9112 sections 6 to 8), named after the rule. Each is fed in every cut. */
import { type RefusedCase, refused, get, post, chunked, CHUNKED_A } from "./request-wires.ts";

export const REFUSED_BODIES: readonly RefusedCase[] = [
  // section 6.3: framing
  refused(
    "rfc9112_6_3_te_and_cl",
    post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
    "400 te_and_cl",
  ),
  refused(
    "rfc9112_6_3_cl_and_te",
    post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "400 te_and_cl",
  ),
  refused(
    "rfc9112_6_3_te_and_bad_cl",
    post("Content-Length: x\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "400 te_and_cl",
  ),
  refused(
    "rfc9112_6_1_te_in_http10",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "400 te_in_http10",
  ),
  refused(
    "rfc9112_6_1_two_te",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "400 repeated_field",
  ),
  refused("rfc9112_6_1_te_gzip_chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "501 te_unknown"),
  refused("rfc9112_6_1_te_identity", post("Transfer-Encoding: identity\r\n", ""), "501 te_unknown"),
  refused("rfc9112_6_1_te_unknown", post("Transfer-Encoding: xchunked\r\n", ""), "501 te_unknown"),
  refused(
    "rfc9112_6_3_4_te_chunked_gzip",
    post("Transfer-Encoding: chunked, gzip\r\n", ""),
    "400 te_chunked_not_final",
  ),
  refused(
    "rfc9112_6_1_te_chunked_twice",
    post("Transfer-Encoding: chunked, chunked\r\n", ""),
    "400 te_chunked_not_final",
  ),
  refused("rfc9112_7_te_with_parameter", post("Transfer-Encoding: chunked;q=1\r\n", ""), "400 te_invalid"),
  refused("rfc9112_6_1_te_empty", post("Transfer-Encoding:\r\n", ""), "400 te_invalid"),
  refused("rfc9112_6_1_te_with_comma", post("Transfer-Encoding: chunked,\r\n", ""), "400 te_invalid"),
  refused("rfc9112_6_1_te_quoted", post('Transfer-Encoding: "chunked"\r\n', ""), "400 te_invalid"),
  refused("rfc9112_6_1_te_with_high_bytes", post("Transfer-Encoding: \xffchunked\xff\r\n", ""), "400 te_invalid"),
  refused("rfc9112_6_1_te_with_vt", post("Transfer-Encoding: \x0bchunked\r\n", ""), "400 bad_field_value"),
  refused("rfc9112_6_3_5_two_cl", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), "400 repeated_field"),
  refused(
    "rfc9112_6_3_5_two_equal_cl",
    post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
    "400 repeated_field",
  ),
  ...["", "5, 5", "+5", "-5", "5a", "0x5", "5.0", "5 5", "1e3", "_5", "5;", "\xb2"].map((value) =>
    refused(
      `rfc9110_8_6_content_length_${JSON.stringify(value)}`,
      post(`Content-Length: ${value}\r\n`, "hello"),
      "400 cl_invalid",
    ),
  ),
  refused(
    "rfc9110_8_6_content_length_beyond_doubles",
    post("Content-Length: 9007199254740993\r\n", ""),
    "400 cl_too_large",
  ),
  refused(
    "rfc9110_8_6_content_length_wraps_64_bits",
    post("Content-Length: 18446744073709551621\r\n", ""),
    "400 cl_too_large",
  ),
  refused(
    "rfc9110_8_6_content_length_of_many_zeros",
    post(`Content-Length: ${"0".repeat(100)}5\r\n`, ""),
    "400 cl_too_large",
  ),
  // section 7.1: chunked
  ...["", " 5", "5 ", "\t5", "+5", "-5", "0x5", "5_0", "g", "5,", "\xb2"].map((size) =>
    refused(
      `rfc9112_7_1_chunk_size_${JSON.stringify(size)}`,
      chunked(`${size}\r\nhello\r\n0\r\n\r\n`),
      "400 bad_chunk_size",
      CHUNKED_A,
    ),
  ),
  refused(
    "rfc9112_7_1_chunk_size_beyond_doubles",
    chunked("20000000000000\r\n"),
    "400 chunk_size_too_large",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_chunk_size_wraps_64_bits",
    chunked("10000000000000005\r\n"),
    "400 chunk_size_too_large",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_chunk_size_of_many_zeros",
    chunked(`${"0".repeat(17)}5\r\n`),
    "400 chunk_size_too_large",
    CHUNKED_A,
  ),
  refused("rfc9112_7_1_bare_lf_after_size", chunked("5\nhello\r\n0\r\n\r\n"), "400 bad_chunk_size", CHUNKED_A),
  refused("rfc9112_7_1_bare_cr_after_size", chunked("5\rhello\r\n0\r\n\r\n"), "400 bad_chunk_size", CHUNKED_A),
  refused(
    "rfc9112_7_1_bare_lf_after_content",
    chunked("5\r\nhello\n0\r\n\r\n"),
    "400 bad_chunk_end",
    CHUNKED_A,
    "data 5 hello",
  ),
  refused(
    "rfc9112_7_1_no_crlf_after_content",
    chunked("5\r\nhello0\r\n\r\n"),
    "400 bad_chunk_end",
    CHUNKED_A,
    "data 5 hello",
  ),
  refused(
    "rfc9112_7_1_content_longer_than_size",
    chunked("5\r\nhelloo\r\n0\r\n\r\n"),
    "400 bad_chunk_end",
    CHUNKED_A,
    "data 5 hello",
  ),
  refused(
    "rfc9112_7_1_cr_without_lf_after_content",
    chunked("5\r\nhello\rX"),
    "400 bad_chunk_end",
    CHUNKED_A,
    "data 5 hello",
  ),
  refused(
    "rfc9112_7_1_1_space_before_extension",
    chunked("5 ;a\r\nhello\r\n0\r\n\r\n"),
    "400 bad_chunk_size",
    CHUNKED_A,
  ),
  ...[";", ";;a", ";a=", "; a", ";a =b", ";a= b", ";a b", ';a="b', ';a="b"c', ";a\x00", ';a="\x01"'].map((extension) =>
    refused(
      `rfc9112_7_1_1_extension_${JSON.stringify(extension)}`,
      chunked(`5${extension}\r\nhello\r\n0\r\n\r\n`),
      "400 bad_chunk_extension",
      CHUNKED_A,
    ),
  ),
  refused(
    "rfc9112_7_1_1_bare_lf_after_extension",
    chunked("5;a\nhello\r\n0\r\n\r\n"),
    "400 bad_chunk_extension",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_1_bare_cr_after_extension",
    chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"),
    "400 bad_chunk_extension",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_1_lf_in_quoted_extension",
    chunked('5;a="\n"\r\nhello\r\n0\r\n\r\n'),
    "400 bad_chunk_extension",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_1_extension_too_large",
    chunked(`5;${"a".repeat(300)}\r\n`),
    "400 chunk_extension_too_large",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_1_extensions_too_large_together",
    chunked(`1;${"a".repeat(200)}\r\nx\r\n`.repeat(100)),
    "400 chunk_extension_too_large",
    CHUNKED_A,
    `data 81 ${"x".repeat(81)}`,
  ),
  refused(
    "rfc9112_7_1_2_trailer_te",
    chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "400 forbidden_trailer",
    CHUNKED_A,
  ),
  refused("rfc9112_7_1_2_trailer_cl", chunked("0\r\nContent-Length: 1\r\n\r\n"), "400 forbidden_trailer", CHUNKED_A),
  refused("rfc9112_7_1_2_trailer_host", chunked("0\r\nHost: b\r\n\r\n"), "400 forbidden_trailer", CHUNKED_A),
  refused("rfc9112_7_1_2_trailer_folded", chunked("0\r\nX: y\r\n z\r\n\r\n"), "400 obs_fold", CHUNKED_A),
  refused(
    "rfc9112_7_1_2_trailer_with_space_before_colon",
    chunked("0\r\nX : y\r\n\r\n"),
    "400 space_before_colon",
    CHUNKED_A,
  ),
  refused("rfc9112_7_1_2_trailer_with_bare_lf", chunked("0\r\nX: y\n\r\n"), "400 bare_lf", CHUNKED_A),
  refused("rfc9112_7_1_2_bare_lf_for_trailers", chunked("0\r\n\n"), "400 bare_lf", CHUNKED_A),
  refused("rfc9112_7_1_2_request_for_trailers", chunked(`0\r\n${get()}`), "400 space_before_colon", CHUNKED_A),
  refused(
    "rfc9112_7_1_2_too_many_trailers",
    chunked(`0\r\n${"X: y\r\n".repeat(33)}\r\n`),
    "431 too_many_fields",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_2_trailers_too_large",
    chunked(`0\r\nX: ${"y".repeat(9000)}\r\n\r\n`),
    "431 trailers_too_large",
    CHUNKED_A,
  ),
  refused(
    "rfc9112_7_1_failure_after_content",
    chunked("1\r\na\r\n1\r\nb\r\nX"),
    "400 bad_chunk_size",
    CHUNKED_A,
    "data 2 ab",
  ),
];

/** Wires after which the peer half-closes. */
export const TRUNCATED: readonly RefusedCase[] = [
  refused("rfc9112_8_in_method", "GE", "400 truncated_head"),
  refused("rfc9112_8_after_request_line", "GET / HTTP/1.1\r\n", "400 truncated_head"),
  refused("rfc9112_8_before_the_empty_line", "GET / HTTP/1.1\r\nHost: a\r\n", "400 truncated_head"),
  refused("rfc9112_8_lone_cr", "\r", "400 truncated_head"),
  refused(
    "rfc9112_8_content_shorter_than_length",
    post("Content-Length: 5\r\n", "hell"),
    "400 truncated_body",
    "head POST / host=a length=5 keep",
    "data 4 hell",
  ),
  refused(
    "rfc9112_8_no_content",
    post("Content-Length: 5\r\n", ""),
    "400 truncated_body",
    "head POST / host=a length=5 keep",
  ),
  refused("rfc9112_8_no_chunk", chunked(""), "400 truncated_body", CHUNKED_A),
  refused("rfc9112_8_within_a_chunk", chunked("5\r\nhel"), "400 truncated_body", CHUNKED_A, "data 3 hel"),
  refused("rfc9112_8_no_last_chunk", chunked("5\r\nhello\r\n"), "400 truncated_body", CHUNKED_A, "data 5 hello"),
  refused("rfc9112_8_no_final_crlf", chunked("5\r\nhello\r\n0\r\n"), "400 truncated_body", CHUNKED_A, "data 5 hello"),
  refused("rfc9112_8_within_trailers", chunked("0\r\nX: y\r\n"), "400 truncated_body", CHUNKED_A),
];
