import { expect, test } from "bun:test";
import { escapeFor, evaluateEscaped } from "../../src/exchange/escaped-template.ts";
import { fakeExchange } from "../support/exchange.ts";
import { template } from "../support/template.ts";

const PATH = `/<b>"&'\\`;

function expanded(contentType: string): string | undefined {
  const escape = escapeFor(contentType);
  const { exchange } = fakeExchange({ path: PATH });
  return escape && evaluateEscaped(template("<p>&amp; $uri</p>"), exchange, escape);
}

test("what a client sent is text in markup and in JSON; the configuration's own text stays", () => {
  const markup = "<p>&amp; /&lt;b&gt;&quot;&amp;&#39;\\</p>";
  for (const type of ["text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml", "text/xml", "image/svg+xml"]) {
    expect(expanded(type)).toBe(markup);
  }
  for (const type of ["application/json", "application/problem+json; charset=utf-8"]) {
    expect(expanded(type)).toBe(`<p>&amp; /<b>\\"&'\\\\</p>`);
  }
});

test("in other types nothing is escaped", () => {
  for (const type of ["text/plain", "text/csv", "application/octet-stream"]) expect(expanded(type)).toBeUndefined();
});
