import { describe, expect, test } from "bun:test";
import { RequestEncoder } from "../../src/apps/environ.ts";
import { INLINE_BODY_BYTES_MAX } from "../../src/apps/frames.ts";
import { EMPTY_BODY, type SpooledBody } from "../../src/exchange/spool.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { PYTHON } from "./rig.ts";

const TO = { id: 0x01020304, front: 3, epoch: 0xabcd, deadlineMs: 1500, limitMs: 30_000, lends: false };

function bodyOf(bytes: Buffer, inMemory = true): SpooledBody {
  return { length: bytes.length, read: () => 0, bytes: () => (inMemory ? bytes : undefined), close: () => {} };
}

function encode(request: FakeRequest, body = EMPTY_BODY, to = TO): Buffer {
  const encoder = new RequestEncoder();
  const length = encoder.encode(fakeExchange(request).exchange, body, to);
  return encoder.buffer.subarray(0, length);
}

function header(packet: Buffer) {
  return {
    id: packet.readUInt32LE(0),
    front: packet[4],
    flags: packet[5],
    epoch: packet.readUInt16LE(6),
    environBytes: packet.readUInt32LE(8),
    bodyBytes: packet.readUInt32LE(12),
    deadline: packet.readDoubleLE(16),
    limit: packet.readUInt32LE(24),
  };
}

describe("a request packet", () => {
  test("begins with the header that worker.py unpacks", () => {
    const packet = encode({});
    const environBytes = packet.length - 28;
    expect(header(packet)).toEqual({
      id: 0x01020304,
      front: 3,
      flags: 0,
      epoch: 0xabcd,
      environBytes,
      bodyBytes: 0,
      deadline: 1.5,
      limit: 30_000,
    });
  });

  test("says that the method is HEAD", () => {
    expect(header(encode({ method: "HEAD" })).flags).toBe(1);
    expect(header(encode({}, EMPTY_BODY, { ...TO, lends: true })).flags).toBe(16);
  });

  test("carries a small body, and announces one that is to be pulled", () => {
    const small = encode({ method: "POST" }, bodyOf(Buffer.from("abc")));
    expect(header(small)).toMatchObject({ flags: 0, bodyBytes: 3 });
    expect(small.subarray(-3).toString()).toBe("abc");
    const large = encode({ method: "POST" }, bodyOf(Buffer.alloc(INLINE_BODY_BYTES_MAX + 1)));
    expect(header(large)).toMatchObject({ flags: 2, bodyBytes: 0 });
    expect(header(encode({ method: "POST" }, bodyOf(Buffer.from("abc"), false)))).toMatchObject({
      flags: 2,
      bodyBytes: 0,
    });
  });

  test("is refused when it is larger than a slot of the scoreboard", () => {
    const fields = [
      ["X", "x".repeat(66_000)],
      ["Y", "\xe9".repeat(33_000)],
    ] as const;
    expect(encode({ fields }).length).toBe(0);
    expect(encode({ fields: [["X", "x".repeat(64_000)]] }).length).toBeGreaterThan(64_000);
  });

  test("holds an environ that Python's marshal.loads takes for what it is", () => {
    const packet = encode({
      path: "/\xc3\xa9",
      query: "q=\xff",
      fields: [
        ["X-A", "1"],
        ["X-A", "2"],
        ["wsgi.x", "3"],
        ["X-Request-ID", "named-by-the-client"],
      ],
    });
    const code = "import json,marshal,sys; print(json.dumps(marshal.loads(sys.stdin.buffer.read()[28:])))";
    const environ = JSON.parse(Bun.spawnSync({ cmd: [PYTHON, "-c", code], stdin: packet }).stdout.toString());
    expect(environ).toMatchObject({
      PATH_INFO: "/\xc3\xa9",
      SCRIPT_NAME: "",
      QUERY_STRING: "q=\xff",
      HTTP_X_A: "1,2",
      "HTTP_WSGI.X": "3",
      "wsgi.url_scheme": "http",
      // Of its own requests a client does not say the name.
      HTTP_X_REQUEST_ID: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });
});
