import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { receivedBytesMax } from "../../src/os/receive-bound.ts";

test("a kernel holds unread what it says, and at least what it begins with", () => {
  const [least = 0, usual = 0, most = 0] = readFileSync("/proc/sys/net/ipv4/tcp_rmem", "latin1")
    .trim()
    .split(/\s+/)
    .map(Number);
  expect(least).toBeLessThan(usual);
  expect(receivedBytesMax()).toBeGreaterThanOrEqual(most);
});
