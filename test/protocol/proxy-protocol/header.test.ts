import { describe, expect, test } from "bun:test";
import { HEADER_BYTES_MAX, ProxyHeaderParser } from "../../../src/protocol/proxy-protocol/header.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const REST = "GET / HTTP/1.1\r\n";

function version2(versionCommand: number, family: number, block: readonly number[], length = block.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([versionCommand, family, length >> 8, length & 255, ...block])]);
}

const INET = [192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0xcb, 0x01, 0xbb];
const zeros = (count: number) => Array.from({ length: count }, () => 0);
const INET6 = [0x20, 1, 0xd, 0xb8, ...zeros(11), 7, 0x20, 1, 0xd, 0xb8, ...zeros(11), 1, 0xc3, 0xcb, 0x01, 0xbb];

const IPV4_PEER = ["192.0.2.7", 50123, "198.51.100.1", 443];
const IPV6_PEER = ["2001:db8::7", 50123, "2001:db8::1", 443];

/** What is expected: addresses, `own` for the connection's, or a part of the failure. */
const CASES: readonly (readonly [string, string | Buffer, readonly (string | number)[] | "own" | RegExp])[] = [
  ["2_1_tcp4", "PROXY TCP4 192.0.2.7 198.51.100.1 50123 443\r\n", IPV4_PEER],
  ["2_1_tcp6", "PROXY TCP6 2001:db8::7 2001:db8::1 50123 443\r\n", IPV6_PEER],
  [
    "2_1_longest",
    `PROXY TCP6 ${"ffff:f...f:ffff".replace("f...f", "ffff:ffff:ffff:ffff:ffff:ffff")} ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
    ["ffff:".repeat(7) + "ffff", 65535, "ffff:".repeat(7) + "ffff", 65535],
  ],
  ["2_1_port_zero", "PROXY TCP4 192.0.2.7 198.51.100.1 0 443\r\n", ["192.0.2.7", 0, "198.51.100.1", 443]],
  ["2_1_unknown", "PROXY UNKNOWN\r\n", "own"],
  ["2_1_unknown_with_rest", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "own"],
  ["2_1_lower_case", "proxy TCP4 192.0.2.7 198.51.100.1 50123 443\r\n", /neither/],
  ["2_1_no_blank", "PROXY\r\n", /neither/],
  ["2_1_other_family", "PROXY UDP4 192.0.2.7 198.51.100.1 50123 443\r\n", /family/],
  ["2_1_ipv6_as_tcp4", "PROXY TCP4 ::1 ::1 50123 443\r\n", /no TCP4 address/],
  ["2_1_ipv4_as_tcp6", "PROXY TCP6 192.0.2.7 192.0.2.1 50123 443\r\n", /no TCP6 address/],
  ["2_1_leading_zero_address", "PROXY TCP4 192.0.02.7 198.51.100.1 50123 443\r\n", /no TCP4 address/],
  ["2_1_zone", "PROXY TCP6 fe80::1%lo fe80::1 50123 443\r\n", /no TCP6 address/],
  ["2_1_port_too_large", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", /port/],
  ["2_1_port_leading_zero", "PROXY TCP4 192.0.2.7 198.51.100.1 0443 443\r\n", /port/],
  ["2_1_port_missing", "PROXY TCP4 192.0.2.7 198.51.100.1 443\r\n", /5 parts/],
  ["2_1_two_blanks", "PROXY TCP4  192.0.2.7 198.51.100.1 50123 443\r\n", /7 parts/],
  ["2_1_too_many_parts", "PROXY TCP4 192.0.2.7 198.51.100.1 50123 443 1\r\n", /7 parts/],
  ["2_1_bare_lf", `PROXY TCP4 192.0.2.7 198.51.100.1 50123 443\n${"x".repeat(107)}`, /longer than 107/],
  ["2_1_line_too_long", `PROXY UNKNOWN ${"x".repeat(92)}\r\n`, /longer than 107/],
  ["2_2_inet", version2(0x21, 0x11, INET), IPV4_PEER],
  ["2_2_inet_tlvs", version2(0x21, 0x11, [...INET, 0x02, 0, 3, 1, 2, 3, 0x04, 0, 0]), IPV4_PEER],
  ["2_2_inet6", version2(0x21, 0x21, INET6), IPV6_PEER],
  [
    "2_2_inet6_mapped",
    version2(0x21, 0x21, [...zeros(10), 255, 255, 192, 0, 2, 7, ...INET6.slice(16)]),
    ["192.0.2.7", 50123, "2001:db8::1", 443],
  ],
  ["2_2_unix", version2(0x21, 0x31, zeros(216)), ["unix:", 0, "unix:", 0]],
  ["2_2_local", version2(0x20, 0x11, INET), "own"],
  ["2_2_local_empty", version2(0x20, 0x00, []), "own"],
  ["2_2_unspecified", version2(0x21, 0x00, [1, 2, 3]), "own"],
  ["2_2_version_1", version2(0x11, 0x11, INET), /version is 1/],
  ["2_2_version_3", version2(0x31, 0x11, INET), /version is 3/],
  ["2_2_command_2", version2(0x22, 0x11, INET), /command is 2/],
  ["2_2_datagram", version2(0x21, 0x12, INET), /0x12/],
  ["2_2_family_4", version2(0x21, 0x41, INET), /0x41/],
  ["2_2_inet_short", version2(0x21, 0x11, INET.slice(0, 11)), /11 bytes/],
  ["2_2_inet6_short", version2(0x21, 0x21, INET), /12 bytes/],
  ["2_2_unix_short", version2(0x21, 0x31, zeros(215)), /215 bytes/],
  ["2_2_too_long", version2(0x21, 0x11, [], HEADER_BYTES_MAX - 15), /more than/],
  ["2_2_signature_broken", "\r\n\r\n\0\r\nQUIT\r\n\r\n\r\n", /neither/],
  ["none_http", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", /neither/],
  ["none_tls", Buffer.from([0x16, 3, 1, 0, 5]), /neither/],
];

/** Feeds pieces until there is an outcome. */
function parse(pieces: readonly Buffer[]): unknown {
  const parser = new ProxyHeaderParser();
  let rest = "";
  let outcome: unknown;
  for (const piece of pieces) {
    if (outcome !== undefined) {
      rest += piece.latin1Slice();
      continue;
    }
    parser.receive(piece);
    const event = parser.next();
    if (event === "need-data") continue;
    if (event === "failed") return parser.failure;
    const { addresses } = parser;
    outcome = addresses === undefined ? "own" : Object.values(addresses);
    rest += Buffer.from(parser.takeRest()).latin1Slice();
  }
  if (outcome !== undefined) expect(rest).toBe(REST);
  return outcome;
}

function check(outcome: unknown, expected: (typeof CASES)[number][2]): void {
  if (expected instanceof RegExp) expect(outcome).toMatch(expected);
  else expect(outcome).toEqual(expected);
}

describe("a PROXY protocol header", () => {
  test.each(CASES)("%s", (_, header, expected) => {
    const bytes = Buffer.concat([Buffer.from(header), Buffer.from(REST)]);
    check(parse([bytes]), expected);
    check(parse(Array.from(bytes, (byte) => Buffer.from([byte]))), expected);
    for (let at = 1; at < bytes.length; at++) check(parse([bytes.subarray(0, at), bytes.subarray(at)]), expected);
  });

  test.each(CASES.filter(([, , expected]) => !(expected instanceof RegExp)))(
    "%s is awaited to its end",
    (_, header) => {
      const bytes = Buffer.from(header);
      for (let length = 0; length < bytes.length; length++) {
        const parser = new ProxyHeaderParser();
        parser.receive(bytes.subarray(0, length));
        expect(parser.next()).toBe("need-data");
      }
    },
  );
});
