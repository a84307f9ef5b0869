import { expect, test } from "bun:test";
import { MarshalWriter } from "../../src/apps/marshal.ts";
import { otherPythons, PYTHON } from "./rig.ts";

/** Reads marshalled dicts, each behind its u32 length, and prints them as JSON with latin-1 kept as it is. */
const JUDGE = `
import json, marshal, struct, sys
data = sys.stdin.buffer.read()
at, out = 0, []
while at < len(data):
    size, = struct.unpack_from("<I", data, at)
    value = marshal.loads(data[at + 4 : at + 4 + size])
    assert type(value) is dict and all(type(k) is str and type(v) is str for k, v in value.items())
    out.append(value)
    at += 4 + size
print(json.dumps(out))
`;

function random(max: number): number {
  return Math.floor(Math.random() * max);
}

function randomText(): string {
  const length = [0, 1, random(48), 47, 48, 49, 255, 256, 257, random(3000)][random(10)] as number;
  const ceiling = random(2) === 0 ? 0x80 : 0x100;
  return String.fromCharCode(...Array.from({ length }, () => random(ceiling)));
}

function randomDict(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: random(20) }, () => [randomText(), randomText()]));
}

function marshalled(writer: MarshalWriter, dict: Record<string, string>): Buffer {
  writer.begin(0);
  writer.beginDict();
  for (const [key, value] of Object.entries(dict)) writer.pair(key, value);
  writer.endDict();
  expect(writer.overflowed).toBe(false);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(writer.position);
  return Buffer.concat([length, writer.buffer.subarray(0, writer.position)]);
}

test.each([PYTHON, ...otherPythons()])("%s reads random dicts as they were written", (python) => {
  const writer = new MarshalWriter(Buffer.alloc(1 << 20));
  const dicts = Array.from({ length: 300 }, randomDict);
  const stdin = Buffer.concat(dicts.map((dict) => marshalled(writer, dict)));
  const judged = Bun.spawnSync({ cmd: [python, "-c", JUDGE], stdin });
  expect(judged.stderr.toString()).toBe("");
  expect(JSON.parse(judged.stdout.toString())).toEqual(dicts);
});

test("what does not fit is said to have overflowed, and nothing is written outside", () => {
  for (let size = 0; size < 40; size++) {
    const memory = Buffer.alloc(64, 0xee);
    const writer = new MarshalWriter(memory.subarray(0, size));
    writer.begin(0);
    writer.beginDict();
    writer.pair("KEY", "value");
    writer.endDict();
    if (size < 17) expect(writer.overflowed).toBe(true);
    expect(memory.subarray(size).every((byte) => byte === 0xee)).toBe(true);
  }
});

test("an overflow is forgotten when the next dict begins", () => {
  const writer = new MarshalWriter(Buffer.alloc(64));
  writer.begin(0);
  writer.pair("KEY", "v".repeat(100));
  expect(writer.overflowed).toBe(true);
  expect(marshalled(writer, { KEY: "v" }).length).toBeGreaterThan(4);
});
