import { describe, expect, test } from "bun:test";
import { CgiReplyParser } from "../../src/proxy/cgi-reply.ts";
import { type Cut, everyByte, packets, randomCuts, whole } from "../support/http1.ts";

/** `status reason | fields | content | end` or `failed code`. */
function trace(wire: string, method: string, cut: Cut): string {
  const parser = new CgiReplyParser();
  parser.expect(method);
  let head = "";
  let content = "";
  const pull = (): string | undefined => {
    for (;;) {
      switch (parser.next()) {
        case "need-data":
          return undefined;
        case "head":
        case "interim":
          head = `${parser.head.status} ${parser.head.reason} | ${parser.head.fields.pairs().flat().join(" ")}`;
          break;
        case "data":
          content += Buffer.from(parser.data).latin1Slice();
          break;
        case "end":
          return `${head} | ${content}${parser.surplus ? " surplus" : ""}`;
        case "failed":
          return `failed ${parser.failure.code}`;
      }
    }
  };
  for (const bytes of packets(wire, cut)) {
    parser.receive(bytes);
    const over = pull();
    if (over !== undefined) return over;
  }
  parser.receivedEnd();
  return pull() ?? "open";
}

describe("a reply is the same however it is cut", () => {
  const cases: readonly (readonly [wire: string, expected: string, method?: string])[] = [
    ["HTTP/1.1 200 OK\r\nX: y\r\n\r\nbody", "200 OK | X y | body"],
    ["HTTP/1.0 404 Not Found\r\n\r\n", "404 Not Found |  | "],
    ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", "200 OK | Content-Length 4 | body"],
    ["Status: 404 Not Found\r\nX: y\r\n\r\nbody", "404 Not Found | X y | body"],
    ["X: y\r\nstatus:503 Busy\r\nZ: z\r\n\r\n", "503 Busy | X y Z z | "],
    ["Status: 204\r\n\r\n", "204  |  | "],
    ["Status: 304 Not Modified\r\nContent-Length: 10\r\n\r\n", "304 Not Modified | Content-Length 10 | "],
    ["Content-Type: text/plain\r\n\r\nStatus: 500\r\n\r\n", "200 OK | Content-Type text/plain | Status: 500\r\n\r\n"],
    ["Location: /x\r\n\r\n", "302 Found | Location /x | "],
    ["Status: 200 OK\r\nLocation: /x\r\n\r\n", "200 OK | Location /x | "],
    ["Content-Length: 5\r\n\r\n", "200 OK | Content-Length 5 | ", "HEAD"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", "failed truncated_body"],
    ["Content-Length: 5\r\n\r\nbody", "failed truncated_body"],
    ["", "failed no_response"],
    ["HT", "failed truncated_head"],
    ["Status: 200 OK\r\nX: y", "failed truncated_head"],
    ["Status: abc\r\n\r\n", "failed bad_status_line"],
    ["Status: 99\r\n\r\n", "failed bad_status_line"],
    ["X: y\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "failed te_in_http10"],
    ["Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "failed repeated_field"],
    ["X : y\r\n\r\n", "failed space_before_colon"],
    ["X: a\0b\r\n\r\n", "failed bad_field_value"],
    ["rubbish\r\n\r\n", "failed bad_field_name"],
    [`X: ${"y".repeat(70_000)}\r\n\r\n`, "failed head_too_large"],
  ];
  test.each(cases)("%j", (wire, expected, method = "GET") => {
    expect(trace(wire, method, whole)).toBe(expected);
    expect(trace(wire, method, everyByte)).toBe(expected);
    for (let seed = 1; seed <= 20; seed++) expect(trace(wire, method, randomCuts(seed))).toBe(expected);
  });
});

test("bytes beyond Content-Length are surplus", () => {
  expect(trace("Content-Length: 4\r\n\r\nbodyX", "GET", whole)).toBe("200 OK | Content-Length 4 | body surplus");
});
