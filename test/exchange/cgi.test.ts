import { describe, expect, test } from "bun:test";
import { cgiVariables, isSecure, pathInfo, scriptName } from "../../src/exchange/cgi.ts";
import { Exchange } from "../../src/exchange/exchange.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

function variables(request: FakeRequest, contentLength = 0, change: (exchange: Exchange) => Exchange = (e) => e) {
  const told = new Map<string, string>();
  const exchange = change(fakeExchange(request).exchange);
  cgiVariables(exchange, contentLength, {
    variable(name, value) {
      if (told.has(name)) throw new Error(`${name} was told twice`);
      told.set(name, value);
    },
  });
  return Object.fromEntries(told);
}

function withPeer(peer: Partial<Exchange["peer"]>): (exchange: Exchange) => Exchange {
  return (exchange) =>
    new Exchange({ ...exchange, head: exchange.head, peer: { ...exchange.peer, ...peer }, protocol: "HTTP/1.1" });
}

describe("a client that speaks HTTP", () => {
  test("gives the variables of RFC 3875 and of uwsgi_params", () => {
    const request = {
      method: "POST",
      path: "/a/b",
      query: "x=1&y=%20",
      target: "/a/./b?x=1&y=%20",
      host: "www.example.org",
    };
    expect(variables(request, 12)).toEqual({
      REQUEST_METHOD: "POST",
      REQUEST_URI: "/a/./b?x=1&y=%20",
      QUERY_STRING: "x=1&y=%20",
      SERVER_PROTOCOL: "HTTP/1.1",
      SERVER_NAME: "www.example.org",
      SERVER_PORT: "8000",
      SERVER_ADDR: "127.0.0.1",
      REMOTE_ADDR: "127.0.0.1",
      REMOTE_PORT: "40000",
      REQUEST_SCHEME: "http",
      CONTENT_LENGTH: "12",
    });
  });

  test("has an empty CONTENT_LENGTH without a body, unless it said 0 itself", () => {
    expect(variables({}).CONTENT_LENGTH).toBe("");
    expect(variables({ fields: [["Content-Length", "0"]] }).CONTENT_LENGTH).toBe("0");
  });

  test("says HTTPS only when the connection is secure, whatever its fields claim", () => {
    const fields = [
      ["X-Forwarded-Proto", "https"],
      ["HTTPS", "on"],
    ] as const;
    const plain = variables({ fields });
    expect(plain.HTTPS).toBeUndefined();
    expect(plain.REQUEST_SCHEME).toBe("http");
    expect(plain.HTTP_X_FORWARDED_PROTO).toBeUndefined();
    const secure = variables({}, 0, withPeer({ secure: true }));
    expect([secure.HTTPS, secure.REQUEST_SCHEME]).toEqual(["on", "https"]);
  });

  const fieldCases: [string, readonly (readonly [string, string])[], Record<string, string>][] = [
    ["a field becomes HTTP_ and its name", [["X-Real-Ale", "1"]], { HTTP_X_REAL_ALE: "1" }],
    ["Content-Type has no HTTP_ twin", [["Content-Type", "a/b"]], { CONTENT_TYPE: "a/b" }],
    ["Content-Length is the caller's", [["Content-Length", "5"]], {}],
    [
      "repeated fields are one list, in order",
      [
        ["Accept", "a"],
        ["X", "1"],
        ["accept", "b"],
      ],
      { HTTP_ACCEPT: "a,b", HTTP_X: "1" },
    ],
    [
      "repeated Cookie fields are joined with ;",
      [
        ["Cookie", "a=1"],
        ["Cookie", "b=2"],
      ],
      { HTTP_COOKIE: "a=1; b=2" },
    ],
    [
      "an underscore could pass for a dash",
      [
        ["X_Forwarded_For", "1"],
        ["Content_Length", "1"],
      ],
      {},
    ],
    ["Proxy would become HTTP_PROXY", [["Proxy", "http://evil"]], {}],
    [
      "hop-by-hop fields were for us",
      [
        ["Connection", "X-Me"],
        ["TE", "trailers"],
        ["Upgrade", "h2c"],
        ["X-Me", "1"],
      ],
      { HTTP_X_ME: "1" },
    ],
    ["Expect was answered", [["Expect", "100-continue"]], {}],
  ];
  test.each(fieldCases)("%s", (_, fields, expected) => {
    const told = Object.entries(variables({ fields })).filter(([name]) => /^(HTTP_|CONTENT_TYPE)/.test(name));
    expect(Object.fromEntries(told)).toEqual(expected);
  });

  test("many different fields pass, none lost to the test for repeats", () => {
    const fields = Array.from({ length: 90 }, (_, i) => [`X-Field-${i}`, String(i)] as const);
    const told = variables({ fields });
    for (let i = 0; i < 90; i++) expect(told[`HTTP_X_FIELD_${i}`]).toBe(String(i));
  });

  test("SERVER_NAME is never empty", () => {
    expect(variables({ host: "" }).SERVER_NAME).toBe("127.0.0.1");
    expect(variables({ host: "" }, 0, withPeer({ localAddress: "::1" })).SERVER_NAME).toBe("[::1]");
    const unix = variables({ host: "" }, 0, withPeer({ localAddress: "unix:", localPort: 0, remotePort: 0 }));
    expect([unix.SERVER_NAME, unix.SERVER_PORT, unix.REMOTE_PORT]).toEqual(["localhost", "80", undefined]);
  });
});

describe("a gateway that speaks uwsgi", () => {
  const params = new Map([
    ["REQUEST_METHOD", "GET"],
    ["SERVER_NAME", "site"],
    ["SERVER_PORT", ""],
    ["HTTPS", "on"],
    ["MY_own", "value"],
    ["CONTENT_LENGTH", "99"],
    ["UWSGI_FILE", "/etc/passwd"],
    ["HTTP_PROXY", "x"],
    ["HTTP_CONTENT_LENGTH", "1"],
    ["wsgi.url_scheme", "x"],
    ["PATH_INFO", "/p"],
    ["SCRIPT_NAME", "/mounted/"],
  ]);

  test("has its variables passed as they came, except the magic ones", () => {
    const told = variables({ params, fields: [["X-Not-Told", "1"]] }, 7);
    expect(told).toMatchObject({
      SERVER_NAME: "site",
      SERVER_PORT: "8000",
      HTTPS: "on",
      MY_own: "value",
      CONTENT_LENGTH: "7",
    });
    for (const name of [
      "UWSGI_FILE",
      "HTTP_PROXY",
      "HTTP_CONTENT_LENGTH",
      "wsgi.url_scheme",
      "HTTP_X_NOT_TOLD",
      "PATH_INFO",
    ]) {
      expect(told[name]).toBeUndefined();
    }
  });

  test("decides about the mount, the path and the scheme", () => {
    const { exchange } = fakeExchange({ params });
    expect([scriptName(exchange), pathInfo(exchange), isSecure(exchange)]).toEqual(["/mounted", "/p", true]);
  });
});

describe("SCRIPT_NAME and PATH_INFO", () => {
  test.each([
    ["", "/a/b", "", "/a/b"],
    ["/app", "/app/x", "/app", "/x"],
    ["/app", "/app", "/app", ""],
    ["/app", "*", "/app", ""],
  ])("mount %p, path %p", (mount, path, script, info) => {
    const { exchange } = fakeExchange({ path });
    exchange.mount = mount;
    expect([scriptName(exchange), pathInfo(exchange)]).toEqual([script, info]);
  });
});

test("fields that say for whom a proxy speaks get through from a trusted proxy only", () => {
  const fields = [
    ["X-Forwarded-For", "192.0.2.7"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Host", "evil.example"],
    ["X-Forwarded-Ssl", "on"],
    ["X-Forwarded-User", "admin"],
    ["X-Real-IP", "192.0.2.7"],
    ["X-Scheme", "https"],
    ["Front-End-Https", "on"],
    ["Forwarded", "for=192.0.2.7"],
    ["Remote-User", "admin"],
    ["X-Remote-User", "admin"],
    ["X-SSL-Client-Verify", "SUCCESS"],
    ["Accept", "*/*"],
  ] as const;
  const names = (forwarding: Exchange["forwarding"]) =>
    Object.keys(variables({ fields }, 0, (exchange) => Object.assign(exchange, { forwarding }))).filter((name) =>
      name.startsWith("HTTP_"),
    );
  expect(names("believed")).toEqual(fields.map(([name]) => `HTTP_${name.toUpperCase().replaceAll("-", "_")}`));
  expect(names("refused")).toEqual(["HTTP_ACCEPT"]);
});
