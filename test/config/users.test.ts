import { expect, test } from "bun:test";
import { findGroup, findUser, hardLimit } from "../../src/config/users.ts";

test("users and groups are found by name and by number", () => {
  const root = { name: "root", id: 0, group: 0, home: "/root" };
  expect(findUser("root")).toEqual(root);
  expect(findUser("0")).toEqual(root);
  expect(findGroup("root")).toBe(0);
  expect(findGroup("0")).toBe(0);
});

test("a number needs no entry, a name does", () => {
  expect(findUser("3999999999")).toEqual({ name: undefined, id: 3_999_999_999, group: undefined, home: undefined });
  expect(findGroup("3999999999")).toBe(3_999_999_999);
  for (const none of ["no-such-name", "-1", "4294967295", "99999999999", "1e3", "--help"]) {
    expect(findUser(none)).toBeUndefined();
    expect(findGroup(none)).toBeUndefined();
  }
});

test("hard limits are those that the shell sees", () => {
  const shell = Bun.spawnSync(["sh", "-c", "ulimit -Hn"]).stdout.toString().trim();
  expect(hardLimit("nofile")).toBe(shell === "unlimited" ? undefined : Number(shell));
});
