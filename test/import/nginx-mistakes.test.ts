/** What nginx does not start with is an error with its place; what it takes in any case is taken here. */
import { describe, expect, test } from "bun:test";
import { importFiles } from "../../src/import/import.ts";
import { formatFindings } from "../../src/import/report.ts";
import { SourceFile } from "../../src/import/source.ts";
import { writePlan } from "../../src/import/write.ts";

function imported(inside: string): { toml: string; errors: string } {
  const file = new SourceFile("nginx.conf", "/srv/nginx.conf", `http { ${inside} }`);
  const { plan, report } = importFiles([file], {});
  const errors = report.findings.filter(({ verdict }) => verdict === "error");
  return { toml: writePlan(plan), errors: formatFindings(errors, { colour: false }) };
}

const MISTAKES: readonly (readonly [what: string, inside: string, error: RegExp])[] = [
  [
    "no semicolon before a block on the same line",
    "server { listen 81 location / { return 200; } }",
    /^nginx\.conf:1:26: error +listen 81: a ";" is missing/,
  ],
  ["a directive twice", "server { root /srv/a; root /srv/b; }", /:1:30: error +root \/srv\/b: is duplicate: line 1/],
  ["a pass twice", "server { location / { proxy_pass http://a; proxy_pass http://b; } }", /is duplicate/],
  ["no switch", "gzip maybe; server { root /srv; }", /gzip maybe: maybe is neither on nor off/],
  ["nothing", "server { root /srv; autoindex; }", /autoindex: nothing is neither/],
  [
    "half a pair",
    "server { listen 443 ssl; root /srv; ssl_certificate /srv/c.pem; }",
    /ssl_certificate \/srv\/c\.pem: is one of a pair/,
  ],
];

describe("an error with its place", () => {
  test.each(MISTAKES)("%s", (_, inside, error) => expect(imported(inside).errors).toMatch(error));
});

test("what may stand several times may", () => {
  const { errors } = imported(
    "server { listen 80; listen 81; root /srv; index a; index b; add_header A b; add_header C d; error_page 404 /a; error_page 500 /b; }",
  );
  expect(errors).toBe("");
});

test("a switch is on in any case", () => {
  expect(imported("server { root /srv; autoindex ON; }").toml).toContain("listing = true");
});

test("a missing semicolon takes nothing away from what follows", () => {
  const { toml } = imported("server { listen 81 location /a/ { return 418; } }");
  expect(toml).toContain("= 81");
  expect(toml).toContain('"/a/" = { error = 418 }');
});

test("a server that says nothing but its address answers 404", () => {
  const { toml, errors } = imported("server { listen 81; server_name a.example; }");
  expect(errors).toBe("");
  expect(toml).toContain('"/" = { error = 404 }');
});
