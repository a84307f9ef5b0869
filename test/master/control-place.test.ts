import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findControlSockets, makeControlPlace } from "../../src/master/control-place.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

let folder = "";
beforeEach(() => {
  folder = makeFolder("place");
  writeFileSync(join(folder, "server.toml"), "");
});
afterEach(() => removeFolder(folder));

const uid = process.getuid?.() ?? 0;
const who = (environment: Record<string, string> = {}) => ({ uid, environment });
const place = (file: string, environment: Record<string, string>) => {
  const made = makeControlPlace(join(folder, file), "auto", who(environment));
  if (typeof made === "string") throw new Error(made);
  return made;
};

test("a private directory is made; the same file gives the same place, by whichever name, another file another", () => {
  const environment = { XDG_RUNTIME_DIR: folder };
  const first = place("server.toml", environment);
  expect(statSync(join(folder, "server")).mode & 0o777).toBe(0o700);
  symlinkSync(join(folder, "server.toml"), join(folder, "link.toml"));
  expect(place("link.toml", environment)).toEqual(first);
  expect(place("other.toml", environment).socket).not.toBe(first.socket);
});

test("systemd's directory comes first, and a directory that others may enter is not used", () => {
  mkdirSync(join(folder, "unit"));
  mkdirSync(join(folder, "server"), { mode: 0o755 });
  chmodSync(join(folder, "server"), 0o755);
  const environment = { RUNTIME_DIRECTORY: `${join(folder, "unit")}:/other`, XDG_RUNTIME_DIR: folder };
  expect(place("server.toml", environment).socket).toStartWith(join(folder, "unit/control/"));
  chmodSync(join(folder, "unit/control"), 0o750);
  const elsewhere = place("server.toml", environment).socket;
  expect(elsewhere.startsWith(folder)).toBe(false);
});

test("neither is a link to a directory, nor one whose path is too long for a socket", () => {
  mkdirSync(join(folder, "real"), { mode: 0o700 });
  symlinkSync(join(folder, "real"), join(folder, "server"));
  expect(place("server.toml", { XDG_RUNTIME_DIR: folder }).socket.startsWith(folder)).toBe(false);
  const deep = join(folder, "x".repeat(90));
  mkdirSync(deep);
  expect(place("server.toml", { XDG_RUNTIME_DIR: deep }).socket.startsWith(deep)).toBe(false);
});

test("a command finds what the server made, and only in private directories", () => {
  const environment = { XDG_RUNTIME_DIR: folder };
  const { socket } = place("server.toml", environment);
  const found = () => findControlSockets(join(folder, "server.toml"), "auto", who(environment));
  expect(found()).toEqual([]);
  writeFileSync(socket, "");
  expect(found()).toEqual([socket]);
  chmodSync(join(folder, "server"), 0o777);
  expect(found()).toEqual([]);
});

test("a path of the configuration is taken as it is", () => {
  const path = join(folder, "own.sock");
  expect(makeControlPlace("any", path, who())).toEqual({ socket: path, lock: `${path}.lock` });
  expect(findControlSockets("any", path, who())).toEqual([]);
  writeFileSync(path, "");
  expect(findControlSockets("any", path, who())).toEqual([path]);
});
