import { describe, expect, test } from "bun:test";
import { fieldName, Fields } from "../../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead, type RequestHead } from "../../../src/protocol/http/message.ts";
import { RequestHeadWriter } from "../../../src/protocol/http1/write-request.ts";
import { ServerConnection } from "../../../src/protocol/http1/connection.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../src/protocol/http1/limits.ts";
import {
  CHUNK_END,
  chunkHeader,
  encodeInterimHead,
  encodeReplyHead,
  LAST_CHUNK,
  replyFraming,
} from "../../../src/protocol/http1/write.ts";
import { clientTrace, everyByte, serverTrace, whole } from "../../support/http1.ts";

const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";

function request(method = "GET", version = "1.1", fields = ""): RequestHead {
  const target = method === "CONNECT" ? "a:1" : "/";
  const connection = new ServerConnection(DEFAULT_HEAD_LIMITS);
  connection.receive(Buffer.from(`${method} ${target} HTTP/${version}\r\nHost: a\r\n${fields}\r\n`, "latin1"));
  expect(connection.next()).toBe("head");
  return connection.head;
}

function reply(status: number, length: number, fields: [string, string][] = [], reason?: string): ReplyHead {
  return { status, reason, fields: Fields.of(fields), length };
}

function encode(head: ReplyHead, to: RequestHead, persistent = true): string {
  const into = Buffer.alloc(4096);
  const length = encodeReplyHead(into, 7, head, replyFraming(to, head), to, persistent, DATE);
  return into.latin1Slice(7, 7 + length);
}

describe("replyFraming follows method, status and version", () => {
  test.each([
    ["rfc9112_6_3_length", "GET", "1.1", 200, 5, "length"],
    ["rfc9112_6_3_length_0", "GET", "1.1", 200, 0, "length"],
    ["rfc9112_6_1_chunked_to_http11", "GET", "1.1", 200, LENGTH_UNKNOWN, "chunked"],
    ["rfc9112_6_1_never_chunked_to_http10", "GET", "1.0", 200, LENGTH_UNKNOWN, "close"],
    ["rfc9110_9_3_2_head", "HEAD", "1.1", 200, 5, "none"],
    ["rfc9110_15_3_5_204", "GET", "1.1", 204, LENGTH_UNKNOWN, "none"],
    ["rfc9110_15_3_6_205", "GET", "1.1", 205, 5, "none"],
    ["rfc9110_15_4_5_304", "GET", "1.1", 304, 5, "none"],
    ["rfc9110_9_3_6_connect_2xx", "CONNECT", "1.1", 200, LENGTH_UNKNOWN, "none"],
    ["rfc9110_9_3_6_connect_refused", "CONNECT", "1.1", 403, 5, "length"],
  ] as const)("%s", (_, method, version, status, length, framing) => {
    expect(replyFraming(request(method, version), reply(status, length))).toBe(framing);
  });
});

describe("encodeReplyHead writes", () => {
  const cases: [string, string, string][] = [
    [
      "status, fields in order, Date and length",
      encode(
        reply(200, 5, [
          ["B", "1"],
          ["a", "2"],
          ["B", "3"],
        ]),
        request(),
      ),
      `HTTP/1.1 200 OK\r\nB: 1\r\na: 2\r\nB: 3\r\nDate: ${DATE}\r\nContent-Length: 5\r\n\r\n`,
    ],
    [
      "the reason it was given",
      encode(reply(200, 0, [], "Fine"), request()),
      `HTTP/1.1 200 Fine\r\nDate: ${DATE}\r\nContent-Length: 0\r\n\r\n`,
    ],
    [
      "the space before an empty reason",
      encode(reply(299, 0), request()),
      `HTTP/1.1 299 \r\nDate: ${DATE}\r\nContent-Length: 0\r\n\r\n`,
    ],
    [
      "the application's Date instead of ours",
      encode(reply(200, 0, [["date", "x"]]), request()),
      "HTTP/1.1 200 OK\r\ndate: x\r\nContent-Length: 0\r\n\r\n",
    ],
    [
      "its own framing and Connection only",
      encode(
        reply(200, 5, [
          ["Content-Length", "9"],
          ["Transfer-Encoding", "x"],
          ["Connection", "y"],
          ["Keep-Alive", "z"],
        ]),
        request(),
      ),
      `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nContent-Length: 5\r\n\r\n`,
    ],
    [
      "chunked to HTTP/1.1",
      encode(reply(200, LENGTH_UNKNOWN), request()),
      `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ],
    [
      "close for an unknown length to HTTP/1.0",
      encode(reply(200, LENGTH_UNKNOWN), request("GET", "1.0", "Connection: keep-alive\r\n")),
      `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nConnection: close\r\n\r\n`,
    ],
    [
      "keep-alive to HTTP/1.0 that asked",
      encode(reply(200, 0), request("GET", "1.0", "Connection: keep-alive\r\n")),
      `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n`,
    ],
    [
      "close when the connection ends",
      encode(reply(200, 0), request(), false),
      `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    ],
    [
      "GET's length to HEAD",
      encode(reply(200, 5), request("HEAD")),
      `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nContent-Length: 5\r\n\r\n`,
    ],
    [
      "no length to HEAD when it is unknown",
      encode(reply(200, LENGTH_UNKNOWN), request("HEAD")),
      `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\n\r\n`,
    ],
    ["no length with 204", encode(reply(204, 0), request()), `HTTP/1.1 204 No Content\r\nDate: ${DATE}\r\n\r\n`],
    [
      "no length with 204 to HEAD",
      encode(reply(204, 5), request("HEAD")),
      `HTTP/1.1 204 No Content\r\nDate: ${DATE}\r\n\r\n`,
    ],
    [
      "length 0 with 205",
      encode(reply(205, 5), request()),
      `HTTP/1.1 205 Reset Content\r\nDate: ${DATE}\r\nContent-Length: 0\r\n\r\n`,
    ],
    [
      "the announced length with 304",
      encode(reply(304, 5), request()),
      `HTTP/1.1 304 Not Modified\r\nDate: ${DATE}\r\nContent-Length: 5\r\n\r\n`,
    ],
    [
      "no length with 304 that announces none",
      encode(reply(304, LENGTH_UNKNOWN), request()),
      `HTTP/1.1 304 Not Modified\r\nDate: ${DATE}\r\n\r\n`,
    ],
    [
      "latin-1 byte for byte",
      encode(reply(200, 0, [["X", "\xe9\xff"]]), request()),
      `HTTP/1.1 200 OK\r\nX: \xe9\xff\r\nDate: ${DATE}\r\nContent-Length: 0\r\n\r\n`,
    ],
  ];
  test.each(cases)("%s", (_, written, wanted) => {
    expect(written).toBe(wanted);
  });
});

test("a head that does not fit is not written at all", () => {
  const head = reply(200, 5);
  const asked = request();
  const { length } = encode(head, asked);
  const into = Buffer.alloc(length + 2, 0x2e);
  expect(encodeReplyHead(into, 3, head, "length", asked, true, DATE)).toBe(-1);
  expect(into.latin1Slice()).toBe(".".repeat(length + 2));
  expect(encodeReplyHead(into, 2, head, "length", asked, true, DATE)).toBe(length);
});

describe("what would split a reply is a bug of the caller", () => {
  test.each([
    ["CR in a value", reply(200, 0, [["X", "a\rb"]])],
    ["LF in a value", reply(200, 0, [["X", "a\nSet-Cookie: b"]])],
    ["NUL in a value", reply(200, 0, [["X", "a\0b"]])],
    ["a wide character in a value", reply(200, 0, [["X", "\u010a"]])],
    ["LF in the reason", reply(200, 0, [], "OK\n")],
    ["CR in a name", reply(200, 0, [["X\r\nY", "b"]])],
    ["an empty name", reply(200, 0, [["", "b"]])],
    ["a colon in a name", reply(200, 0, [["X:", "b"]])],
    ["a status of two digits", reply(20, 0)],
    ["an interim status", reply(103, 0)],
    ["a negative length", reply(200, -5)],
    ["a broken length", reply(200, 1.5)],
    ["a status of two digits with a reason", reply(20, 0, [], "x")],
  ] as const)("%s", (_, head) => {
    expect(() => encode(head, request())).toThrow();
  });
});

describe("what is written is read back the same", () => {
  const chunks = Buffer.concat([
    chunkHeader(3),
    Buffer.from("abc"),
    CHUNK_END,
    chunkHeader(31),
    Buffer.alloc(31, 0x7a),
    CHUNK_END,
    LAST_CHUNK,
  ]).latin1Slice();
  test.each([
    ["length", reply(200, 3), "GET", "abc", ["head 200 OK length=3 keep", "data 3 abc", "end"]],
    [
      "chunked",
      reply(404, LENGTH_UNKNOWN),
      "GET",
      chunks,
      ["head 404 Not Found length=unknown keep", `data 34 abc${"z".repeat(31)}`, "end"],
    ],
    ["HEAD", reply(200, 3), "HEAD", "", ["head 200 OK length=3 keep", "end"]],
    ["204", reply(204, LENGTH_UNKNOWN), "GET", "", ["head 204 No Content length=0 keep", "end"]],
    ["304", reply(304, 9), "GET", "", ["head 304 Not Modified length=9 keep", "end"]],
    ["205", reply(205, 9), "GET", "", ["head 205 Reset Content length=0 keep", "end"]],
  ] as const)("%s", (_, head, method, body, trace) => {
    const interim = encodeInterimHead(reply(103, LENGTH_UNKNOWN, [["Link", "x"]])).latin1Slice();
    for (const cut of [whole, everyByte]) {
      const wire = interim + encode(head, request(method)) + body;
      expect(clientTrace(wire, { cut, ends: false, method })).toEqual(["interim 103", ...trace]);
    }
  });
});

test("a 101 names its Upgrade in Connection, other interim heads have neither length nor Date", () => {
  const switching = encodeInterimHead(reply(101, LENGTH_UNKNOWN, [["Upgrade", "websocket"]]));
  expect(switching.latin1Slice()).toBe(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
  );
  expect(encodeInterimHead(reply(100, LENGTH_UNKNOWN)).latin1Slice()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  expect(() => encodeInterimHead(reply(200, 0))).toThrow("100..199");
});

test("a chunk without content is a bug of the caller, since it would end the body", () => {
  expect(chunkHeader(255).latin1Slice()).toBe("ff\r\n");
  expect(() => chunkHeader(0)).toThrow();
});

describe("request heads are read back the same", () => {
  const fields = Fields.of([
    ["Host", "a"],
    ["X", "y"],
  ]);
  const writer = new RequestHeadWriter();
  const encode = (method: string, target: string, length: number, connection: string | undefined) => {
    writer.begin(method, target);
    for (const [name, value] of fields.pairs()) writer.add(fieldName(name), value);
    return writer.bytes.latin1Slice(0, writer.finish(length, connection));
  };
  test.each([
    ["no content", "GET", 0, undefined, "", ["head GET /p?q host=a length=0 keep", "end"]],
    ["length 0 of POST", "POST", 0, undefined, "", ["head POST /p?q host=a length=0 keep", "end"]],
    ["length", "PUT", 2, undefined, "hi", ["head PUT /p?q host=a length=2 keep", "data 2 hi", "end"]],
    [
      "chunked",
      "POST",
      LENGTH_UNKNOWN,
      "close",
      "1\r\nx\r\n0\r\n\r\n",
      ["head POST /p?q host=a length=chunked close", "data 1 x", "end"],
    ],
  ] as const)("%s", (_, method, length, connection, body, trace) => {
    const wire = encode(method, "/p?q", length, connection) + body;
    expect(serverTrace(wire, { cut: everyByte, ends: true })).toEqual([...trace]);
    expect(wire.includes("Content-Length: 0")).toBe(method === "POST" && length === 0);
  });

  test("what would split a request is a bug of the caller", () => {
    expect(() => encode("GET", "/ HTTP/1.1\r\nX: y", 0, undefined)).toThrow();
    expect(() => encode("GET /", "/", 0, undefined)).toThrow();
    expect(() => encode("GET", "/", 0, "x\r\nY: z")).toThrow();
  });
});

test("every value is checked, also behind one of the same name that was clean, and again after it was not", () => {
  const clean = reply(200, 0, [["X-Checked", "clean"]]);
  const split = reply(200, 0, [["X-Checked", "clean\r\nX: y"]]);
  for (let i = 0; i < 3; i++) {
    expect(encode(clean, request())).toContain("\r\nX-Checked: clean\r\n");
    expect(() => encode(split, request())).toThrow();
  }
  const both = reply(200, 0, [
    ["X-Checked", "clean"],
    ["X-Checked", "un\nclean"],
  ]);
  expect(() => encode(both, request())).toThrow();
});
