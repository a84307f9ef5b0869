import { describe, expect, test } from "bun:test";
import { parseListen, parseUpstream } from "../../src/config/address.ts";
import { Refusal } from "../../src/config/kinds.ts";

describe("where to listen", () => {
  test.each([
    ["80", { kind: "every", port: 80 }],
    [":80", { kind: "every", port: 80 }],
    ["*:80", { kind: "every", port: 80 }],
    ["0.0.0.0:80", { kind: "tcp", host: "0.0.0.0", port: 80 }],
    ["127.0.0.1:65535", { kind: "tcp", host: "127.0.0.1", port: 65_535 }],
    ["[::]:80", { kind: "tcp", host: "::", port: 80 }],
    ["[0:0:0:0:0:0:0:1]:80", { kind: "tcp", host: "::1", port: 80 }],
    ["[2001:DB8::1]:80", { kind: "tcp", host: "2001:db8::1", port: 80 }],
    ["[::ffff:1.2.3.4]:80", { kind: "tcp", host: "::ffff:102:304", port: 80 }],
    ["unix:/run/x.sock", { kind: "unix", path: "/run/x.sock" }],
    ["unix:x:y.sock", { kind: "unix", path: "x:y.sock" }],
  ])("%s", (text, expected) => expect(parseListen(text) as unknown).toEqual(expected));

  test.each([
    "",
    ":",
    "0",
    "65536",
    ":-1",
    "80 ",
    "[::1",
    "[1.2.3.4]:80",
    "1.2.3.4.5:80",
    "256.0.0.1:80",
    "[]:80",
    "a:b:c",
  ])("%p is refused", (text) => expect(parseListen(text)).toBeInstanceOf(Refusal));
});

describe("what to connect to", () => {
  test.each([
    ["example.org:80", { kind: "tcp", host: "example.org", port: 80 }],
    ["DB_1:5", { kind: "tcp", host: "db_1", port: 5 }],
    ["127.0.0.1:80", { kind: "tcp", host: "127.0.0.1", port: 80 }],
    ["[::1]:80", { kind: "tcp", host: "::1", port: 80 }],
    ["unix:/run/x.sock", { kind: "unix", path: "/run/x.sock" }],
  ])("%s", (text, expected) => expect(parseUpstream(text) as unknown).toEqual(expected));

  test.each([
    "80",
    ":80",
    "*:80",
    "example.org",
    "256.1.1.1:80",
    "a b:80",
    "a..b:80",
    "-a:80",
    "http://a:80",
    "a:80/x",
  ])("%p is refused", (text) => expect(parseUpstream(text)).toBeInstanceOf(Refusal));
});
