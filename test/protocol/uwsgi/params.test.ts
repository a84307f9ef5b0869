import { describe, expect, test } from "bun:test";
import { type GatewayRequest, requestFromVariables } from "../../../src/protocol/uwsgi/params.ts";

/** What Debian's nginx sends for `GET /caf%C3%A9/?q=1`. */
const NGINX: Readonly<Record<string, string>> = {
  QUERY_STRING: "q=1",
  REQUEST_METHOD: "GET",
  CONTENT_TYPE: "",
  CONTENT_LENGTH: "",
  REQUEST_URI: "/caf%C3%A9/?q=1",
  PATH_INFO: "/caf\xc3\xa9/",
  DOCUMENT_ROOT: "/usr/share/nginx/html",
  SERVER_PROTOCOL: "HTTP/1.1",
  REQUEST_SCHEME: "http",
  REMOTE_ADDR: "192.0.2.9",
  REMOTE_PORT: "50000",
  SERVER_PORT: "8080",
  SERVER_NAME: "example.org",
  HTTP_HOST: "Example.org:8080",
  HTTP_USER_AGENT: "curl/8",
  HTTP_X_REAL_IP: "x",
};

const parse = (changes: Record<string, string | undefined> = {}) => {
  const variables = { ...NGINX, ...changes };
  const given = Object.entries(variables).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return requestFromVariables(new Map(given));
};

function good(changes: Record<string, string | undefined> = {}): GatewayRequest {
  const request = parse(changes);
  if ("code" in request) throw new Error(request.message);
  return request;
}

test("the variables of nginx are a request", () => {
  const { head, ...facts } = good();
  const { fields, ...rest } = head;
  expect(rest).toEqual({
    method: "GET",
    target: "/caf%C3%A9/?q=1",
    form: "origin",
    path: "/caf\xc3\xa9/",
    rawPath: "/caf%C3%A9/",
    query: "q=1",
    host: "example.org",
    hostPort: 8080,
    minor: 0,
    bodyLength: 0,
    persistent: false,
    expectsContinue: false,
    upgrade: undefined,
  });
  expect(fields.pairs()).toEqual([
    ["Host", "Example.org:8080"],
    ["User-Agent", "curl/8"],
    ["X-Real-Ip", "x"],
  ]);
  expect(facts).toEqual({
    protocol: "HTTP/1.1",
    remoteAddress: "192.0.2.9",
    remotePort: 50000,
    localAddress: "",
    localPort: 8080,
    secure: false,
  });
});

describe("secure", () => {
  const cases: readonly (readonly [changes: Record<string, string>, secure: boolean])[] = [
    [{ HTTPS: "on" }, true],
    [{ HTTPS: "1" }, true],
    [{ HTTPS: "off" }, false],
    [{ HTTPS: "" }, false],
    [{ REQUEST_SCHEME: "https" }, true],
    [{ UWSGI_SCHEME: "https" }, true],
    [{ HTTP_X_FORWARDED_PROTO: "https" }, false],
  ];
  test.each(cases)("%o is %p", (changes, secure) => expect(good(changes).secure).toBe(secure));
});

test("CONTENT_LENGTH decides the length of the body, HTTP_CONTENT_LENGTH and HTTP_TRANSFER_ENCODING do not", () => {
  const { head } = good({
    CONTENT_LENGTH: "12",
    CONTENT_TYPE: "text/plain",
    HTTP_CONTENT_LENGTH: "99",
    HTTP_CONTENT_TYPE: "evil",
    HTTP_TRANSFER_ENCODING: "chunked",
  });
  expect(head.bodyLength).toBe(12);
  expect(head.fields.all("content-length")).toEqual(["12"]);
  expect(head.fields.all("content-type")).toEqual(["text/plain"]);
  expect(head.fields.has("transfer-encoding")).toBe(false);
});

test("without REQUEST_URI the target is made of the path, encoded, and the query", () => {
  const { head } = good({ REQUEST_URI: undefined, SCRIPT_NAME: "/app", PATH_INFO: "/a b?\xe9%" });
  expect(head.target).toBe("/app/a%20b%3F%E9%25?q=1");
  expect(head.path).toBe("/app/a b?\xe9%");
});

test("without a Host field the server's name is the host", () => {
  const { head } = good({ HTTP_HOST: undefined });
  expect([head.host, head.hostPort]).toEqual(["example.org", undefined]);
  expect(good({ HTTP_HOST: undefined, SERVER_NAME: "_" }).head.host).toBe("_");
  expect(good({ HTTP_HOST: undefined, SERVER_NAME: undefined }).head.host).toBe("");
});

test("a missing SERVER_PROTOCOL is that of the oldest client", () => {
  expect(good({ SERVER_PROTOCOL: undefined }).protocol).toBe("HTTP/1.0");
});

describe("refused", () => {
  const cases: readonly (readonly [code: string, changes: Record<string, string | undefined>])[] = [
    ["method", { REQUEST_METHOD: undefined }],
    ["method", { REQUEST_METHOD: "" }],
    ["method", { REQUEST_METHOD: "GET /x" }],
    ["path", { PATH_INFO: undefined }],
    ["path", { REQUEST_URI: "/a b" }],
    ["path", { REQUEST_URI: "/a\r\nX: y" }],
    ["protocol", { SERVER_PROTOCOL: "HTTP/1.1\r\nX: y" }],
    ["protocol", { SERVER_PROTOCOL: "INCLUDED" }],
    ["content_length", { CONTENT_LENGTH: "-1" }],
    ["content_length", { CONTENT_LENGTH: "+5" }],
    ["content_length", { CONTENT_LENGTH: "5, 5" }],
    ["content_length", { CONTENT_LENGTH: "0x5" }],
    ["content_length", { CONTENT_LENGTH: " 5" }],
    ["content_length", { CONTENT_LENGTH: "5\n" }],
    ["content_length", { CONTENT_LENGTH: "9999999999999999" }],
    ["host", { HTTP_HOST: "a/b" }],
    ["host", { HTTP_HOST: "a b" }],
    ["field", { HTTP_X: "a\r\nb" }],
    ["field", { HTTP_X: "a\0b" }],
  ];
  test.each(cases)("%s %o", (code, changes) => {
    expect(parse(changes)).toMatchObject({ code });
  });
});

test("names that are no field names are left out", () => {
  const { head } = good({ "HTTP_A B": "1", HTTP_: "2", "wsgi.url_scheme": "https", HTTP_X_OK: "3" });
  expect(head.fields.pairs().map(([name]) => name)).toEqual(["Host", "User-Agent", "X-Real-Ip", "X-Ok"]);
});
