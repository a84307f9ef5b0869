import { describe, expect, test } from "bun:test";
import {
  cancelFrame,
  failFrame,
  FrameReader,
  loanFrame,
  noLoanFrame,
  parseReplyHead,
  readFilePart,
  readReturned,
  writeDataHeader,
} from "../../src/apps/frames.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";

const TYPES = { reply: 1, data: 2, abort: 3, pull: 4, expired: 5, file: 8, return: 9 } as const;

interface Frame {
  readonly type: keyof typeof TYPES;
  readonly end?: boolean;
  readonly borrows?: boolean;
  readonly id: number;
  readonly head?: string;
  readonly data?: Buffer;
  /** In place of the length of `data`. */
  readonly length?: number;
}

function frame({
  type,
  end = false,
  borrows = false,
  id,
  head = "",
  data = Buffer.alloc(0),
  length = data.length,
}: Frame): Buffer {
  const header = Buffer.alloc(16);
  header[0] = TYPES[type];
  header[1] = (end ? 1 : 0) | (borrows ? 2 : 0);
  header.writeUInt32LE(id, 4);
  header.writeUInt32LE(head.length, 8);
  header.writeUInt32LE(length, 12);
  return Buffer.concat([header, Buffer.from(head, "latin1"), data]);
}

/** What a reader makes of pieces; data of one reply joined, so that cuts do not show. */
function read(pieces: readonly Buffer[]): string[] {
  const reader = new FrameReader();
  const said: string[] = [];
  let content = "";
  for (const piece of pieces) {
    reader.receive(Buffer.from(piece));
    for (;;) {
      const event = reader.next();
      if (event === "need-data") break;
      if (event === "malformed") return [...said, event];
      if (event === "reply") said.push(`reply ${reader.id} ${Buffer.from(reader.head).latin1Slice()}`);
      else if (event !== "data") said.push(`${event} ${reader.id} ${reader.length}`);
      if (event === "reply" || event === "data") content += Buffer.from(reader.data).latin1Slice();
      if (reader.last) said.push(`content of ${reader.id}: ${Bun.hash(content)} ${content.length}`);
      if (reader.last) content = "";
    }
  }
  return said;
}

const BIG = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 0xff));
const small = Buffer.from("Hello");
const CASES: [string, Frame[]][] = [
  ["a whole reply", [{ type: "reply", end: true, id: 1, head: "200 OK\n", data: small }]],
  ["a reply without content", [{ type: "reply", end: true, id: 2, head: "204 No Content\n" }]],
  [
    "a stream",
    [
      { type: "reply", id: 3, head: "200 OK\n", data: small },
      { type: "data", id: 3, data: small },
      { type: "data", end: true, id: 3 },
    ],
  ],
  [
    "a large reply",
    [
      { type: "reply", end: true, id: 0xfffffffe, head: "200 OK\n", data: BIG },
      { type: "expired", id: 9 },
    ],
  ],
  [
    "pulls and an abort",
    [
      { type: "pull", id: 4, length: 262144 },
      { type: "reply", id: 4, head: "200 \n" },
      { type: "abort", id: 4 },
    ],
  ],
];

function expected(frames: readonly Frame[]): string[] {
  const said: string[] = [];
  let content = "";
  for (const { type, id, head = "", data = Buffer.alloc(0), end, length = data.length } of frames) {
    if (type === "reply") said.push(`reply ${id} ${head}`);
    else if (type !== "data") said.push(`${type} ${id} ${length}`);
    if (type === "reply" || type === "data") content += data.latin1Slice();
    if (end === true) said.push(`content of ${id}: ${Bun.hash(content)} ${content.length}`);
    if (end === true) content = "";
  }
  return said;
}

describe.each(CASES)("%s", (_, frames) => {
  const bytes = Buffer.concat(frames.map(frame));
  const wanted = expected(frames);

  test("fed whole, and behind another", () => {
    expect(read([bytes])).toEqual(wanted);
    expect(read([Buffer.concat([bytes, bytes])])).toEqual([...wanted, ...wanted]);
  });

  test("fed byte by byte around its heads", () => {
    const ends = Math.min(bytes.length, 200);
    const pieces = Array.from({ length: ends }, (_unused, i) => bytes.subarray(i, i + 1));
    expect(read([...pieces, bytes.subarray(ends)])).toEqual(wanted);
  });

  test("fed in random pieces", () => {
    for (let turn = 0; turn < 50; turn++) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length;) {
        const size = 1 + Math.floor(Math.random() * (bytes.length > 1000 ? 70_000 : 20));
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(read(pieces)).toEqual(wanted);
    }
  });
});

test("the small end of a block comes with the large one behind it", () => {
  const [first, second] = [Buffer.alloc(70_000, "1"), Buffer.alloc(40_000, "2")];
  const bytes = Buffer.concat([
    frame({ type: "reply", id: 1, head: "200 OK\n", data: first }),
    frame({ type: "data", id: 1, data: second }),
    frame({ type: "data", id: 1, end: true }),
  ]);
  const reader = new FrameReader();
  const seen: number[] = [];
  let content = "";
  for (const piece of [bytes.subarray(0, 65_536), bytes.subarray(65_536)]) {
    reader.receive(Buffer.from(piece));
    while (reader.next() !== "need-data") {
      seen.push(reader.data.length);
      content += Buffer.from(reader.data).toString();
    }
  }
  expect(seen).toEqual([65_536 - 16 - 7, 4_487 + 40_000, 0]);
  expect(content).toBe(first.toString() + second.toString());
  expect(reader.last).toBe(true);
});

test("blocks of one reply that came together are one event, with its end; those of another reply are not among them", () => {
  const block = (id: number, text: string, end = false) => frame({ type: "data", id, data: Buffer.from(text), end });
  const reader = new FrameReader();
  const begun = frame({ type: "reply", id: 1, head: "200 OK\n", data: small });
  reader.receive(
    Buffer.concat([
      begun,
      block(1, "a"),
      block(1, "b"),
      block(1, ""),
      block(1, "c"),
      block(1, "", true),
      block(2, "d"),
    ]),
  );
  const seen: unknown[] = [];
  for (let event = reader.next(); event !== "need-data"; event = reader.next()) {
    seen.push([event, reader.id, Buffer.from(reader.data).toString(), reader.last]);
  }
  expect(seen).toEqual([
    ["reply", 1, small.toString(), false],
    ["data", 1, "abc", true],
    ["data", 2, "d", false],
  ]);
});

test("a complete reply of moderate size comes as one event, however it was cut", () => {
  const bytes = frame({ type: "reply", end: true, id: 1, head: "200 OK\n", data: Buffer.alloc(60_000) });
  const reader = new FrameReader();
  reader.receive(bytes.subarray(0, 30_000));
  expect(reader.next()).toBe("need-data");
  reader.receive(bytes.subarray(30_000));
  expect([reader.next(), reader.last, reader.data.length]).toEqual(["reply", true, 60_000]);
});

test("what is no frame, or has a head without bounds, is malformed", () => {
  expect(read([Buffer.from("HTTP/1.1 200 OK\r\n\r\n")])).toEqual(["malformed"]);
  const endless = frame({ type: "reply", id: 1, head: "" });
  endless.writeUInt32LE(1 << 30, 8);
  expect(read([endless])).toEqual(["malformed"]);
});

test("frames to Python have the layout that wsgi.py unpacks", () => {
  const data = Buffer.alloc(16);
  writeDataHeader(data, 0xfffffffe, 262144);
  expect(data.toString("hex")).toBe("02000000" + "feffffff" + "00000000" + "00000400");
  expect(failFrame(1).toString("hex")).toBe("06000000" + "01000000" + "0000000000000000");
  expect(cancelFrame(1).toString("hex")).toBe("07000000" + "01000000" + "0000000000000000");
  expect(loanFrame(1, true).toString("hex")).toBe("0a010000" + "01000000" + "0000000000000000");
  expect(loanFrame(1, false).toString("hex")).toBe("0a000000" + "01000000" + "0000000000000000");
  expect(noLoanFrame(1).toString("hex")).toBe("0b000000" + "01000000" + "0000000000000000");
});

describe("a reply head", () => {
  test("gives status, reason, fields in order; Content-Length is the length, Date is ours", () => {
    const text = "201 Made\nSet-Cookie:a=1\nDate:x\nContent-Length:12\nSet-Cookie:b=\xe9\n";
    const head = parseReplyHead(Buffer.from(text, "latin1"), LENGTH_UNKNOWN);
    expect([head.status, head.reason, head.length]).toEqual([201, "Made", 12]);
    expect(head.fields.pairs()).toEqual([
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=\xe9"],
    ]);
  });

  test("has no reason of its own when it is the standard one", () => {
    expect(parseReplyHead(Buffer.from("200 OK\n"), 5)).toMatchObject({ status: 200, reason: undefined, length: 5 });
  });
});

/** Each event of bytes that come in two pieces, as `show` tells it. */
function shown(bytes: Buffer, cut: number, show: (event: string, reader: FrameReader) => unknown): unknown[] {
  const reader = new FrameReader();
  const seen: unknown[] = [];
  for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
    reader.receive(Buffer.from(piece));
    for (let event = reader.next(); event !== "need-data"; event = reader.next()) seen.push(show(event, reader));
  }
  return seen;
}

describe("a file", () => {
  const part = Buffer.alloc(16);
  part.writeBigUInt64LE(5_000_000_000n, 0);
  part.writeBigUInt64LE(7n, 8);
  const bytes = Buffer.concat([
    frame({ type: "file", end: true, id: 6, head: "200 OK\nA:b\n", data: part }),
    frame({ type: "reply", end: true, id: 7, head: "200 OK\n", data: small }),
  ]);

  test("is one event, however its frame is cut, and what follows is read on", () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      const seen = shown(bytes, cut, (event, { id, last, head, data }) =>
        event === "file" ? [event, id, last, Buffer.from(head).toString(), readFilePart(data)] : [event, id],
      );
      expect([cut, ...seen]).toEqual([
        cut,
        ["file", 6, true, "200 OK\nA:b\n", { offset: 5_000_000_000, length: 7 }],
        ["reply", 7],
      ]);
    }
  });

  test.each([
    ["with less than a part", frame({ type: "file", end: true, id: 6, head: "200 OK\n", data: part.subarray(1) })],
    ["that does not end the reply", frame({ type: "file", id: 6, head: "200 OK\n", data: part })],
  ])("%s is none", (_, wrong) => {
    const reader = new FrameReader();
    reader.receive(wrong);
    expect(reader.next()).toBe("malformed");
  });
});

describe("a loan", () => {
  const counts = Buffer.alloc(16);
  counts.writeBigUInt64LE(6_000_000_000n, 0);
  counts.writeBigUInt64LE(5n, 8);
  const bytes = Buffer.concat([
    frame({ type: "reply", id: 6, borrows: true, head: "200 OK\n", data: small }),
    frame({ type: "return", id: 6, head: "rest", data: counts }),
    frame({ type: "data", id: 6, borrows: true, data: small }),
    frame({ type: "return", end: true, id: 6, data: counts }),
    frame({ type: "data", id: 7, data: small }),
  ]);
  const returned = { content: 6_000_000_000, written: 5 };

  test("is asked for when all of the content before has come, and is returned in one event, however the frames are cut", () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      const seen = shown(bytes, cut, (event, { id, last, head, data, borrows }) => {
        if (event === "return") return [event, Buffer.from(head).toString(), last, readReturned(data)];
        return borrows ? ["borrows", id, last] : `more of ${id}`;
      });
      // A block that was cut comes in two events, of which the second asks; so may the one at the end.
      const whole = seen.filter((one) => one !== "more of 6");
      expect([cut, ...new Set(whole)]).toEqual([
        cut,
        ["borrows", 6, false],
        ["return", "rest", false, returned],
        ["borrows", 6, false],
        ["return", "", true, returned],
        "more of 7",
      ]);
    }
  });

  test("that is returned without its counts is none", () => {
    expect(read([frame({ type: "return", id: 6, data: counts.subarray(1) })])).toEqual(["malformed"]);
  });
});
