/** FROM and TO of `server proxy`. */
import { expect, test } from "bun:test";
import { readFrom, readUpstream } from "../../src/cli/upstream-words.ts";

test.each([
  ["9000", "http", "127.0.0.1:9000", "127.0.0.1:9000"],
  [":9000", "http", "127.0.0.1:9000", "127.0.0.1:9000"],
  ["localhost:9000", "http", "localhost:9000", "localhost:9000"],
  ["http://backend", "http", "backend:80", "backend"],
  ["http://backend/", "http", "backend:80", "backend"],
  ["https://example.org", "https", "example.org:443", "example.org"],
  ["https://[::1]:8443", "https", "[::1]:8443", "[::1]:8443"],
  ["uwsgi://127.0.0.1:8997", "uwsgi", "127.0.0.1:8997", "127.0.0.1:8997"],
  ["unix:/run/x.sock", "http", "unix:/run/x.sock", "localhost"],
  ["uwsgi://unix:/run/x.sock", "uwsgi", "unix:/run/x.sock", "localhost"],
] as const)("TO %s", (written, protocol, server, host) => {
  expect(readUpstream(written)).toEqual({ protocol, server, host });
});

test.each(["", ":", "http://", "ftp://x", "http://x/path", "uwsgi://backend", "a b"])("TO %p is refused", (written) => {
  expect(readUpstream(written)).toBeString();
});

test.each([
  ["8000", [8000], [], undefined],
  [":8000", [":8000"], [], undefined],
  ["127.0.0.1:8000", ["127.0.0.1:8000"], [], undefined],
  ["http://127.0.0.1:8000", ["127.0.0.1:8000"], [], undefined],
  ["localhost:8000", ["127.0.0.1:8000"], [], undefined],
  ["[::1]:8000", ["[::1]:8000"], [], undefined],
  ["unix:/run/x.sock", ["unix:/run/x.sock"], [], undefined],
  ["example.org", [], ["example.org"], "auto"],
  ["https://example.org/", [], ["example.org"], "auto"],
  ["https://example.org:8443", [{ address: 8443, tls: true }], ["example.org"], "auto"],
  ["http://example.org", [80], ["example.org"], undefined],
  ["http://example.org:8080", [8080], ["example.org"], undefined],
] as const)("FROM %s", (written, listen, names, tls) => {
  expect(readFrom(written)).toEqual({ listen: [...listen], names: [...names], tls });
});

test.each(["", "http://", "https://example.org/path"])("FROM %p is refused", (written) => {
  expect(readFrom(written)).toBeString();
});
