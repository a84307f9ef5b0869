import { describe, expect, test } from "bun:test";
import { ClientConnection } from "../../../src/protocol/http1/client.ts";
import { DEFAULT_HEAD_LIMITS } from "../../../src/protocol/http1/limits.ts";
import { clientTrace, type Cut, everyByte, randomCuts, whole } from "../../support/http1.ts";
import { RESPONSES } from "./response-cases.ts";

const CUTS: readonly (readonly [string, Cut])[] = [
  ["whole", whole],
  ["byte by byte", everyByte],
  ["cut at random 1", randomCuts(11)],
  ["cut at random 2", randomCuts(12, 20)],
];

describe("responses give the same events however they are cut", () => {
  test.each(RESPONSES.map((response) => [response.name, response] as const))(
    "%s",
    (_, { wire, method, ends, trace }) => {
      for (const [label, cut] of CUTS) {
        expect([label, ...clientTrace(wire, { cut, ends, method })]).toEqual([label, ...trace]);
      }
    },
  );
});

const bytes = (text: string) => Buffer.from(text, "latin1");
const EMPTY_OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

test("one connection serves responses one after the other", () => {
  const connection = new ClientConnection(DEFAULT_HEAD_LIMITS);
  for (const method of ["HEAD", "GET"]) {
    connection.expect(method);
    expect(connection.next()).toBe("need-data");
    connection.receive(bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"));
    expect(connection.next()).toBe("head");
    if (method === "GET") connection.receive(bytes("hi"));
    expect(connection.next()).toBe(method === "GET" ? "data" : "end");
  }
  expect([connection.next(), connection.surplus]).toEqual(["end", false]);
});

test("a response that nobody asked for is surplus, and asking then is a bug of the caller", () => {
  const connection = new ClientConnection(DEFAULT_HEAD_LIMITS);
  connection.receive(bytes(EMPTY_OK));
  expect([connection.next(), connection.surplus]).toEqual(["need-data", true]);
  expect(() => connection.expect("GET")).toThrow("surplus");
});

test("asking before the last response has ended is a bug of the caller", () => {
  const connection = new ClientConnection(DEFAULT_HEAD_LIMITS);
  connection.expect("GET");
  expect(() => connection.expect("GET")).toThrow("head");
});

test("what came behind a 101 is handed over", () => {
  const connection = new ClientConnection(DEFAULT_HEAD_LIMITS);
  connection.expect("GET");
  connection.receive(bytes("HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\nraw"));
  expect([connection.next(), connection.next(), connection.head.upgrade]).toEqual(["head", "end", "y"]);
  expect(Buffer.from(connection.takeBuffered()).toString()).toBe("raw");
});

describe("an end of the connection that may be anybody's", () => {
  test.each([
    ["", true, "no_response"],
    ["HTTP/1.1 200 OK\r\nX: y\r\n", true, "truncated_head"],
    ["HTTP/1.1 200 OK\r\n\r\n", true, "uncertain_end"],
    ["HTTP/1.0 200 OK\r\n\r\nall of it", true, "uncertain_end"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod", false, "truncated_body"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", false, "end"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", false, "truncated_body"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", false, "end"],
    ["HTTP/1.1 204 No Content\r\n\r\n", false, "end"],
  ])("%j: could it be that of the reply? %p; then %s", (wire, may, expected) => {
    const connection = new ClientConnection(DEFAULT_HEAD_LIMITS);
    connection.expect("GET");
    connection.receive(bytes(wire));
    const pull = (): string => {
      for (;;) {
        const event = connection.next();
        if (event === "failed") return connection.failure.code;
        if (event === "need-data" || event === "end") return event;
      }
    };
    const before = pull();
    expect(connection.mayEndWithConnection).toBe(may);
    connection.receivedEnd(false);
    expect(before === "end" ? before : pull()).toBe(expected);
  });
});
