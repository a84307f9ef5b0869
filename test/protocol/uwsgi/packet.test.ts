import { describe, expect, test } from "bun:test";
import {
  MODIFIER_PING,
  PACKET_DATA_BYTES_MAX,
  PACKET_HEADER_BYTES,
  PacketParser,
  PacketWriter,
} from "../../../src/protocol/uwsgi/packet.ts";
import { type Cut, everyByte, mulberry32, packets, randomCuts, whole } from "../../support/http1.ts";

type Pairs = readonly (readonly [string, string])[];

const sized = (text: string) => String.fromCharCode(text.length & 0xff) + String.fromCharCode(text.length >> 8) + text;
const block = (pairs: Pairs) => pairs.map(([name, value]) => sized(name) + sized(value)).join("");
const header = (size: number, modifier1 = 0, modifier2 = 0) =>
  String.fromCharCode(modifier1, size & 0xff, size >> 8, modifier2);
/** Written without PacketWriter, so that the two are judges of each other. */
const packet = (pairs: Pairs) => header(block(pairs).length) + block(pairs);

const GET: Pairs = [
  ["REQUEST_METHOD", "GET"],
  ["QUERY_STRING", ""],
  ["PATH_INFO", "/caf\xc3\xa9"],
];

const MOUNTED: Pairs = [
  ["SCRIPT_NAME", "/app"],
  ["PATH_INFO", "/app/x"],
];

/** `packet name=value… rest=…` or `failed code` or `need-data`. */
function trace(wire: string, cut: Cut): string {
  const parser = new PacketParser();
  let last = "need-data";
  let rest = "";
  for (const bytes of packets(wire, cut)) {
    if (last === "packet") rest += bytes.latin1Slice();
    else {
      parser.receive(bytes);
      last = parser.next();
      if (last === "packet") rest = Buffer.from(parser.takeRest()).latin1Slice();
    }
    if (last === "failed") return `failed ${parser.failure.code}`;
  }
  if (last === "need-data") return last;
  const variables = [...parser.variables].map(([name, value]) => `${name}=${value}`).join(" ");
  return `packet ${parser.modifier1} ${variables} rest=${rest}`;
}

describe("a packet is the same however it is cut", () => {
  const cases: readonly (readonly [name: string, wire: string, expected: string])[] = [
    ["variables", packet(GET), "packet 0 REQUEST_METHOD=GET QUERY_STRING= PATH_INFO=/caf\xc3\xa9 rest="],
    ["a body behind it", `${packet([["A", "b"]])}body\r\n`, "packet 0 A=b rest=body\r\n"],
    ["a second packet is only body", packet([["A", "b"]]).repeat(2), `packet 0 A=b rest=${packet([["A", "b"]])}`],
    ["no variables", header(0), "packet 0  rest="],
    [
      "the last of two counts",
      packet([
        ["HTTPS", ""],
        ["HTTPS", "on"],
      ]),
      "packet 0 HTTPS=on rest=",
    ],
    [
      "the last Host counts",
      packet([
        ["HTTP_HOST", "a"],
        ["HTTP_HOST", "b"],
      ]),
      "packet 0 HTTP_HOST=b rest=",
    ],
    [
      "repeated fields are a list",
      packet([
        ["HTTP_X", "a"],
        ["HTTP_X", "b"],
      ]),
      "packet 0 HTTP_X=a,b rest=",
    ],
    [
      "cookies too",
      packet([
        ["HTTP_COOKIE", "a=1"],
        ["HTTP_COOKIE", "b=2"],
      ]),
      "packet 0 HTTP_COOKIE=a=1; b=2 rest=",
    ],
    [
      "modifier 30, which changes nothing",
      `${header(block(MOUNTED).length, 30)}${block(MOUNTED)}`,
      "packet 30 SCRIPT_NAME=/app PATH_INFO=/app/x rest=",
    ],
    ["a ping", header(0, MODIFIER_PING), `packet ${MODIFIER_PING}  rest=`],
    ["a large value", packet([["A", "x".repeat(60_000)]]), `packet 0 A=${"x".repeat(60_000)} rest=`],
    ["cut off in the header", "\0\x08", "need-data"],
    ["cut off in a variable", packet(GET).slice(0, -1), "need-data"],
    ["nothing", "", "need-data"],
    ["a name past its packet", `${header(3)}\x05\0A`, "failed variable_overrun"],
    ["a name size past its packet", `${header(1)}\x05`, "failed variable_overrun"],
    ["no room for a value size", `${header(3)}\x01\0A`, "failed variable_overrun"],
    ["a value past its packet", `${header(6)}\x01\0A\x02\0b`, "failed variable_overrun"],
    ["a value that would be the body", `${header(6)}\x01\0A\xff\xffbbbbbbbb`, "failed variable_overrun"],
    ["an empty name", packet([["", "value"]]), "failed empty_name"],
    ["HTTP", "GET / HTTP/1.1\r\n", "failed http_spoken"],
    ["HTTP with a long method", "PROPFIND / HTTP/1.1\r\n", "failed http_spoken"],
    ["half of an HTTP method", "GE", "need-data"],
    ["TLS", "\x16\x03\x01\x02\0", "failed modifier"],
    ["PSGI", header(0, 5), "failed modifier"],
    ["a capital letter that begins no method", "Gx", "failed modifier"],
  ];
  test.each(cases)("%s", (_, wire, expected) => {
    expect(trace(wire, whole)).toBe(expected);
    expect(trace(wire, everyByte)).toBe(expected);
    for (let seed = 1; seed <= 20; seed++) expect(trace(wire, randomCuts(seed))).toBe(expected);
  });
});

test("HTTP on a uwsgi socket is told with what to do about it", () => {
  const parser = new PacketParser();
  parser.receive(Buffer.from("GET / HTTP/1.1\r\n"));
  expect(parser.next()).toBe("failed");
  expect(parser.failure.message).toContain("uwsgi_pass");
});

test("a packet that comes in slivers is not copied again for each of them", () => {
  const bytes = Buffer.from(packet([["A", "x".repeat(65_000)]]), "latin1");
  const begun = performance.now();
  const parser = new PacketParser();
  for (let i = 0; i < bytes.length; i++) {
    parser.receive(bytes.subarray(i, i + 1));
    if (i < bytes.length - 1) expect(parser.next() === "need-data").toBe(true);
  }
  expect(parser.next()).toBe("packet");
  // Quadratic copying would move two gigabytes.
  expect(performance.now() - begun).toBeLessThan(5000);
});

describe("the writer", () => {
  test("writes what the layout says", () => {
    const writer = new PacketWriter();
    for (const [name, value] of GET) expect(writer.variable(name, value)).toBe(true);
    expect(writer.finish()?.latin1Slice()).toBe(packet(GET));
  });

  test("begins anew with reset", () => {
    const writer = new PacketWriter();
    writer.variable("A", "b");
    writer.reset();
    writer.variable("C", "d");
    expect(writer.finish(0, 0)?.latin1Slice()).toBe(packet([["C", "d"]]));
  });

  test("fills a packet to its last byte", () => {
    const writer = new PacketWriter();
    expect(writer.variable("A", "x".repeat(PACKET_DATA_BYTES_MAX - 5))).toBe(true);
    const bytes = writer.finish();
    expect(bytes?.length).toBe(PACKET_HEADER_BYTES + PACKET_DATA_BYTES_MAX);
    expect(bytes?.readUInt16LE(1)).toBe(PACKET_DATA_BYTES_MAX);
  });

  const tooLarge: readonly (readonly [name: string, pairs: Pairs])[] = [
    ["one byte too many", [["A", "x".repeat(PACKET_DATA_BYTES_MAX - 4)]]],
    ["a value of 64 KiB", [["A", "x".repeat(65_536)]]],
    ["a name of 64 KiB", [["A".repeat(65_536), ""]]],
    [
      "two halves",
      [
        ["A", "x".repeat(33_000)],
        ["B", "x".repeat(33_000)],
      ],
    ],
  ];
  test.each(tooLarge)("refuses %s instead of wrapping a size", (_, pairs) => {
    const writer = new PacketWriter();
    const taken = pairs.map(([name, value]) => writer.variable(name, value));
    expect(taken.at(-1)).toBe(false);
    expect(writer.tooLarge).toBe(pairs.at(-1)?.[0] as string);
    // A packet that lost a variable is lost, whatever fits behind it.
    expect(writer.variable("S", "")).toBe(false);
    expect(writer.finish()).toBeUndefined();
  });

  test("what it writes is what the parser reads, for random variables", () => {
    const random = mulberry32(7);
    const writer = new PacketWriter();
    for (let round = 0; round < 200; round++) {
      const pairs: Pairs = Array.from({ length: Math.floor(random() * 20) }, (_, i) => {
        const value = Array.from({ length: random() * 300 }, () => String.fromCharCode(random() * 256)).join("");
        return [`V${i}`, value];
      });
      writer.reset();
      for (const [name, value] of pairs) writer.variable(name, value);
      const parser = new PacketParser();
      parser.receive(Buffer.from(writer.finish() as Buffer));
      expect(parser.next()).toBe("packet");
      expect([...parser.variables]).toEqual(pairs as [string, string][]);
    }
  });
});
