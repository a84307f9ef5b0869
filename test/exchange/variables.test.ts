/** Each variable's value, by a request in which all of them have one. */
import { describe, expect, test } from "bun:test";
import { settleClient } from "../../src/exchange/client-address.ts";
import { hostname } from "node:os";
import {
  attemptConnected,
  attemptFailed,
  beginAttempt,
  headCame,
  replyEnded,
} from "../../src/exchange/upstream-attempt.ts";
import { evaluate } from "../../src/exchange/template.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { template } from "../support/template.ts";

const REQUEST: FakeRequest = {
  method: "POST",
  path: "/a b/c",
  target: "/a%20b/./c?x=1&Y=2&x=3&empty=&n",
  query: "x=1&Y=2&x=3&empty=&n",
  host: "www.test",
  fields: [
    ["Host", "www.test:8000"],
    ["User-Agent", "probe/1"],
    ["Accept", "a/b"],
    ["Accept", "c/d"],
    ["X_Real_IP", "1.2.3.4"],
    ["Content-Type", "text/plain"],
    ["Content-Length", "5"],
    ["Cookie", "a=1; Session=abc==; a=2"],
    ["Cookie", "later=x"],
    ["X-Request-ID", "mine"],
  ],
};

function value(name: string, request: FakeRequest = REQUEST): string {
  const { exchange } = fakeExchange(request);
  exchange.site = "first.test";
  return evaluate(template(`\${${name}}`, BUILT_IN, "log"), exchange);
}

describe("what the request says", () => {
  const cases = [
    ["host", "www.test"],
    ["http_host", "www.test:8000"],
    ["server_name", "first.test"],
    ["uri", "/a b/c"],
    ["document_uri", "/a b/c"],
    ["args", "x=1&Y=2&x=3&empty=&n"],
    ["query_string", "x=1&Y=2&x=3&empty=&n"],
    ["is_args", "?"],
    ["arg_x", "1"],
    ["arg_y", "2"],
    ["arg_empty", ""],
    ["arg_n", ""],
    ["arg_none", ""],
    ["cookie_a", "1"],
    ["cookie_session", "abc=="],
    ["cookie_later", "x"],
    ["cookie_none", ""],
    ["http_user_agent", "probe/1"],
    ["http_accept", "a/b, c/d"],
    ["http_cookie", "a=1; Session=abc==; a=2; later=x"],
    ["http_x_real_ip", ""],
    ["http_content_type", "text/plain"],
    ["content_type", "text/plain"],
    ["content_length", "5"],
    ["request_method", "POST"],
    ["request", "POST /a%20b/./c?x=1&Y=2&x=3&empty=&n HTTP/1.1"],
    ["remote_addr", "127.0.0.1"],
    ["remote_port", "40000"],
    ["server_addr", "127.0.0.1"],
    ["server_port", "8000"],
    ["server_protocol", "HTTP/1.1"],
    ["scheme", "http"],
    ["https", ""],
    ["remote_user", ""],
    ["hostname", hostname()],
    ["pid", String(process.pid)],
  ] as const;
  test.each(cases)("$%s is %j", (name, expected) => expect(value(name)).toBe(expected));

  test("a request that says little leaves them empty", () => {
    const empty = ["is_args", "args", "http_user_agent", "cookie_a", "arg_x", "content_type", "content_length"];
    for (const name of empty) expect([name, value(name, {})]).toEqual([name, ""]);
    expect(value("host", { host: "" })).toBe("127.0.0.1");
  });

  test("every name that is offered exists", () => {
    const names = BUILT_IN.names().filter((name) => !name.endsWith("NAME"));
    expect(names.length).toBeGreaterThan(30);
    for (const name of names) expect(BUILT_IN.find(name)).toBeDefined();
  });
});

test("times", () => {
  expect(value("msec")).toMatch(/^\d{10}\.\d{3}$/);
  expect(value("request_time")).toMatch(/^\d+\.\d{3}$/);
  expect(value("time_iso8601")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  expect(value("time_local")).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/);
});

describe("$request_id", () => {
  test("is 32 hexadecimal digits, the same throughout a request and another in the next", () => {
    const id = template("$request_id");
    const { exchange } = fakeExchange(REQUEST);
    const first = evaluate(id, exchange);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(evaluate(id, exchange)).toBe(first);
    const seen = new Set(Array.from({ length: 600 }, () => evaluate(id, fakeExchange().exchange)));
    expect(seen.size).toBe(600);
  });

  test("is what a trusted peer says, if it is fit for a log", () => {
    const of = (fields: FakeRequest["fields"]) => {
      const { exchange } = fakeExchange({ fields: fields ?? [] });
      exchange.forwarding = "believed";
      return exchange.requestId;
    };
    expect(of([["X-Request-ID", "trace-1:2/3=="]])).toBe("trace-1:2/3==");
    for (const bad of ["", "a b", 'a"b', "x".repeat(201)])
      expect(of([["X-Request-ID", bad]])).toMatch(/^[0-9a-f]{32}$/);
  });
});

test("what the reply says", () => {
  const { exchange } = fakeExchange();
  const shown = template("$status|$sent_http_x_a|$sent_http_content_type|$body_bytes_sent", BUILT_IN, "log");
  expect(evaluate(shown, exchange)).toBe("|||0");
  const fields = Fields.of([
    ["X-A", "1"],
    ["Content-Type", "t/t"],
    ["X-A", "2"],
  ]);
  exchange.replyHead = { status: 404, reason: undefined, fields, length: 0 };
  exchange.contentBytes = 12;
  expect(evaluate(shown, exchange)).toBe("404|1, 2|t/t|12");
});

test("what the connection has used", () => {
  const { exchange, reply } = fakeExchange();
  const shown = template(
    "$connection|$connection_requests|$request_length|$bytes_sent|$request_completion",
    BUILT_IN,
    "log",
  );
  expect(evaluate(shown, exchange)).toBe("||0|0|");
  Object.assign(exchange, { connection: { number: 7, requests: 3, openedMs: 0 }, requestBytes: 120, bytesSent: 340 });
  reply.state = "finished";
  expect(evaluate(shown, exchange)).toBe("7|3|120|340|OK");
  expect(evaluate(template("$connection_time", BUILT_IN, "log"), exchange)).toMatch(/^\d+\.\d{3}$/);
});

test("who is connected, and who is believed to be the client", () => {
  const { exchange } = fakeExchange({ fields: [["X-Forwarded-For", "192.0.2.7"]] });
  const shown = template("$realip_remote_addr:$realip_remote_port $remote_addr $proxy_add_x_forwarded_for", BUILT_IN);
  const sent = template("$http_x_forwarded_for", BUILT_IN);
  expect(evaluate(shown, exchange)).toBe("127.0.0.1:40000 127.0.0.1 127.0.0.1");
  expect(evaluate(sent, exchange)).toBe("192.0.2.7");
  settleClient(exchange, () => true);
  expect(evaluate(shown, exchange)).toBe("127.0.0.1:40000 192.0.2.7 192.0.2.7, 127.0.0.1");
});

test("what upstreams did, a value for each one that was asked", () => {
  const { exchange } = fakeExchange();
  const shown = template(
    "$upstream_addr|$upstream_status|$upstream_header_time|$upstream_response_time",
    BUILT_IN,
    "log",
  );
  expect(evaluate(shown, exchange)).toBe("|||");
  const [first, second] = [beginAttempt("127.0.0.1:1", 1000), beginAttempt("unix:/x", 2000)];
  exchange.upstreamAttempts = [first, second];
  attemptFailed(first, 502, 1250);
  attemptConnected(second, 2050);
  headCame(second, 200, Fields.of([["X-Up", "7"]]), 2100);
  second.contentBytes = 9;
  expect(evaluate(shown, exchange)).toBe("127.0.0.1:1, unix:/x|502, 200|-, 0.100|0.250, -");
  replyEnded(second, 2345);
  attemptFailed(second, 502, 2400);
  expect(evaluate(shown, exchange)).toBe("127.0.0.1:1, unix:/x|502, 200|-, 0.100|0.250, 0.400");
  const more = template("$upstream_connect_time|$upstream_response_length|$upstream_http_x_up", BUILT_IN, "log");
  expect(evaluate(more, exchange)).toBe("-, 0.050|0, 9|7");
});
