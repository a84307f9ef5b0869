import { expect, test } from "bun:test";
import { closeSync, openSync, readdirSync } from "node:fs";
import { descriptorsMax, descriptorsOpen } from "../../src/os/descriptors.ts";

test("open descriptors are counted as they come and go", () => {
  const before = descriptorsOpen();
  // The directory that is read is one of its own entries.
  expect(before).toBe(readdirSync("/proc/self/fd").length - 1);
  const fds = Array.from({ length: 10 }, () => openSync("/dev/null", "r"));
  expect(descriptorsOpen()).toBe(before + 10);
  fds.forEach((fd) => closeSync(fd));
  expect(descriptorsOpen()).toBe(before);
});

test("the limit is the soft one", () => {
  const told = Bun.spawnSync(["sh", "-c", "ulimit -Sn"]).stdout.toString().trim();
  expect(String(descriptorsMax())).toBe(told === "unlimited" ? "Infinity" : told);
});
