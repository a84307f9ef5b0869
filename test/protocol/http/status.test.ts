import { expect, test } from "bun:test";
import { STATUS_CODES } from "node:http";
import { reasonPhrase } from "../../../src/protocol/http/status.ts";

/** Names that RFC 9110 changed after Node's table was made. */
const RENAMED = new Set([413, 418, 422, 509]);

test("the phrases are those that Node knows, but for the ones RFC 9110 renamed", () => {
  for (const [status, phrase] of Object.entries(STATUS_CODES)) {
    if (!RENAMED.has(Number(status))) expect([status, reasonPhrase(Number(status))]).toEqual([status, phrase ?? ""]);
  }
  expect([reasonPhrase(413), reasonPhrase(422)]).toEqual(["Content Too Large", "Unprocessable Content"]);
});

test("a status without a phrase has an empty one", () => {
  expect([reasonPhrase(299), reasonPhrase(599)]).toEqual(["", ""]);
});
