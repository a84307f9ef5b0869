import { describe, expect, test } from "bun:test";
import { isNginxOption, readNginxOptions } from "../../src/cli/nginx-options.ts";

describe("nginx's command line", () => {
  test.each([
    [["-t"], { test: true, dump: false }],
    [["-tq", "-c", "a.conf"], { test: true, quiet: true, file: "a.conf" }],
    [["-T", "-ca.conf"], { test: true, dump: true, file: "a.conf" }],
    [["-p", "/srv", "-g", "daemon off;", "-e", "x.log"], { prefix: "/srv", global: "daemon off;", errorLog: "x.log" }],
    [["-s", "reload"], { signal: "reload" }],
    [["-?"], { help: true }],
  ])("%p", (words, expected) => {
    expect(readNginxOptions(words)).toMatchObject(expected);
  });

  test.each([
    [["-c"], 'option "-c" requires file name'],
    [["-x"], 'invalid option: "x"'],
    [["start"], 'invalid option: "start"'],
  ])("%p is refused", (words, message) => {
    expect(readNginxOptions(words)).toBe(message);
  });

  test("its letters are no commands of ours", () => {
    const known = ["-t", "-T", "-tq", "-c", "-p", "-g", "-e", "-s", "-v"];
    expect(known.filter((word) => !isNginxOption(word))).toEqual([]);
    expect(["-V", "-h", "--help", "--version", "-x", "run"].filter(isNginxOption)).toEqual([]);
  });
});
