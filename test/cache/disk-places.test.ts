import { expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { diskPlace, removeUnused } from "../../src/cache/disk-places.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

test("servers, fronts and routes have places of their own, the same after a restart", () => {
  const places = [
    diskPlace("/c", { server: "/a.toml", front: 0 }, "s /"),
    diskPlace("/c", { server: "/b.toml", front: 0 }, "s /"),
    diskPlace("/c", { server: "/a.toml", front: 1 }, "s /"),
    diskPlace("/c", { server: "/a.toml", front: 0 }, "s /x"),
  ];
  expect(new Set(places).size).toBe(4);
  for (const place of places) expect(place).toMatch(/^\/c\/server-cache-[0-9a-f]{16}\/front-[01]\/[0-9a-f]{16}$/);
  expect(diskPlace("/c", { server: "/a.toml", front: 0 }, "s /")).toBe(places[0] as string);
});

test("what routes and fronts left that there are no longer is removed, and nothing else", async () => {
  const folder = makeFolder("disk-places");
  try {
    const owner = { server: "/a.toml", front: 0 };
    const used = diskPlace(folder, owner, "used");
    const unused = diskPlace(folder, owner, "unused");
    const lastFront = diskPlace(folder, { ...owner, front: 1 }, "used");
    const formerFront = dirname(diskPlace(folder, { ...owner, front: 2 }, "used"));
    const others = [diskPlace(folder, { server: "/b.toml", front: 7 }, "x"), join(folder, "photos")];
    for (const path of [used, unused, lastFront, formerFront, ...others]) mkdirSync(path, { recursive: true });
    await removeUnused([used], 2);
    expect([used, lastFront, ...others].every((path) => existsSync(path))).toBe(true);
    expect([unused, formerFront].some((path) => existsSync(path))).toBe(false);
  } finally {
    removeFolder(folder);
  }
});
