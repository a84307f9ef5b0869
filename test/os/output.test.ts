import { expect, test } from "bun:test";
import { closeSync, writeSync } from "node:fs";
import { LineSplitter, readLines } from "../../src/os/output.ts";
import { pipe } from "../../src/os/sockets.ts";

function split(pieces: readonly string[]): string[] {
  const splitter = new LineSplitter();
  return [...pieces.flatMap((piece) => splitter.push(Buffer.from(piece, "latin1"))), ...splitter.end()];
}

test.each([
  [["a\nb\n"], ["a", "b"]],
  [
    ["a", "b\nc"],
    ["ab", "c"],
  ],
  [["\n\n"], ["", ""]],
  [["a\r\n"], ["a"]],
  [["\xc3", "\xa9\n"], ["\u00e9"]],
  [[""], []],
])("%j is split into %j", (pieces, lines) => {
  expect(split(pieces)).toEqual(lines);
});

test("a line without end is cut at 8 KiB, and nothing of it is lost", () => {
  const text = "x".repeat(20_000);
  const lines = split([text.slice(0, 5), text.slice(5), "\nshort\n"]);
  expect(lines.map((line) => line.length)).toEqual([8192, 8192, 20_000 - 2 * 8192, 5]);
  expect(lines.slice(0, 3).join("")).toBe(text);
});

test("a pipe is read to its end", async () => {
  const [read, write] = pipe();
  const lines: string[] = [];
  const { ended } = readLines(read, (line) => lines.push(line));
  writeSync(write, "one\ntw");
  writeSync(write, "o\nthree");
  closeSync(write);
  await ended;
  expect(lines).toEqual(["one", "two", "three"]);
});

test("stop ends the reading of a pipe that somebody holds open", async () => {
  const [read, write] = pipe();
  const output = readLines(read, () => {});
  output.stop();
  await output.ended;
  closeSync(write);
});
