import { describe, expect, test } from "bun:test";
import { addVary, CONTENT_CODINGS, Negotiator } from "../../src/exchange/content-coding.ts";
import { Fields } from "../../src/protocol/http/fields.ts";

const negotiator = new Negotiator(CONTENT_CODINGS);

describe("Accept-Encoding ranks", () => {
  test.each([
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["GZIP", "gzip"],
    ["deflate", ""],
    ["", ""],
    ["gzip, deflate, br, zstd", "zstd br gzip"],
    ["gzip;q=1.0, br;q=0.5, zstd;q=0.1", "gzip br zstd"],
    ["br;q=0.8, gzip;q=0.8", "br gzip"],
    ["gzip;q=0", ""],
    ["gzip;q=0.000, br", "br"],
    ["gzip;q=0.001", "gzip"],
    ["*", "gzip br zstd"],
    ["*;q=0", ""],
    ["br, *;q=0", "br"],
    ["*, gzip;q=0", "br zstd"],
    ["gzip;q=0.5, *;q=0.9", "br zstd gzip"],
    ["identity", ""],
    ["identity, gzip;q=0.5", ""],
    ["identity;q=0.5, gzip", "gzip"],
    ["identity;q=0", ""],
    ["identity;q=0, gzip", "gzip"],
    ["*;q=0.5, identity", ""],
    [" \tgzip ;\tq=0.5 , br", "br gzip"],
    [",,gzip,,", "gzip"],
    // what is malformed is not there
    ["gzip;q=2", ""],
    ["gzip;q=0.1234", ""],
    ["gzip;q=", ""],
    ["gzip;q=abc, br", "br"],
    ["gzip br", ""],
    ["gzip;level=9", ""],
    ["gzip;q=0, gzip", ""],
    ["g\xe9zip, br", "br"],
  ])("%j as %j", (written, ranked) => {
    for (let again = 0; again < 2; again++) expect(negotiator.read(written).join(" ")).toBe(ranked);
  });
});

test("without the field nothing is encoded, and several lines are one list", () => {
  expect(negotiator.ranked(new Fields())).toEqual([]);
  const lines = [
    ["Accept-Encoding", "br;q=0.5"],
    ["Host", "x"],
    ["accept-encoding", "gzip"],
  ] as const;
  expect(negotiator.ranked(Fields.of(lines))).toEqual(["gzip", "br"]);
});

test("only our own codings, in our own order", () => {
  expect(new Negotiator(["gzip", "br"]).read("zstd, br, gzip")).toEqual(["gzip", "br"]);
  expect(new Negotiator([]).read("*")).toEqual([]);
});

test("a client that never says the same twice makes nothing grow", () => {
  const own = new Negotiator(CONTENT_CODINGS);
  for (let i = 0; i < 2000; i++) expect(own.read(`gzip, x${i}`)).toEqual(["gzip"]);
  const { size } = (own as unknown as { known: Map<string, unknown> }).known;
  expect(size).toBeLessThanOrEqual(256);
});

describe("Vary", () => {
  test.each([
    [[], "Accept-Encoding"],
    [["Cookie"], "Cookie, Accept-Encoding"],
    [["Cookie", "Accept-Language"], "Cookie, Accept-Language, Accept-Encoding"],
    [["accept-encoding"], "accept-encoding"],
    [["Cookie, ACCEPT-ENCODING"], "Cookie, ACCEPT-ENCODING"],
    [["*"], "*"],
    [[""], "Accept-Encoding"],
  ])("of %j is %j", (before, after) => {
    const fields = Fields.of(before.map((value) => ["Vary", value] as const));
    addVary(fields);
    expect(fields.all("vary").join(", ")).toBe(after);
  });
});
