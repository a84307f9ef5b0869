/** Packets as an application server sees them. */
import { expect, test } from "bun:test";
import type { UpstreamOptions } from "../../src/proxy/options.ts";
import { makeUwsgiDialect } from "../../src/proxy/dialect-uwsgi.ts";
import { PacketParser } from "../../src/protocol/uwsgi/packet.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";
import { UPSTREAM } from "../support/scripted-upstream.ts";
import { template } from "../support/template.ts";

const SERVERS = [{ address: { kind: "unix", path: "/x" }, weight: 1 }] as const;

function packet(request: FakeRequest, options: Partial<UpstreamOptions> = {}, stripPrefix = false) {
  const dialect = makeUwsgiDialect({ ...UPSTREAM, servers: SERVERS, ...options });
  const { exchange } = fakeExchange(request);
  exchange.mount = "/app";
  const length = dialect.encode(exchange, 0, "", { temporaryDirectory: "/", stripPrefix });
  return { length, bytes: Buffer.from(dialect.bytes.subarray(0, Math.max(0, length))) };
}

function variables(...args: Parameters<typeof packet>): Record<string, string> {
  const parser = new PacketParser();
  parser.receive(packet(...args).bytes);
  expect(parser.next()).toBe("packet");
  return Object.fromEntries(parser.variables);
}

test("the path is all in PATH_INFO, or divided where the prefix is stripped", () => {
  expect(variables({ path: "/app/x" })).toMatchObject({ PATH_INFO: "/app/x", REQUEST_URI: "/app/x" });
  expect(variables({ path: "/app/x" })).not.toHaveProperty("SCRIPT_NAME");
  const stripped = variables({ path: "/app/x" }, {}, true);
  expect(stripped).toMatchObject({ SCRIPT_NAME: "/app", PATH_INFO: "/x", REQUEST_URI: "/app/x" });
});

test("params are added, replace what there is, and take it away when they are empty", () => {
  const params = [
    { name: "UWSGI_SCRIPT", value: template("mysite.wsgi") },
    { name: "SERVER_NAME", value: template("$http_host") },
    { name: "HTTP_COOKIE", value: template("") },
  ];
  const found = variables(
    {
      fields: [
        ["Host", "a.example"],
        ["Cookie", "a=1"],
      ],
    },
    { params },
  );
  expect(found).toMatchObject({ UWSGI_SCRIPT: "mysite.wsgi", SERVER_NAME: "a.example", HTTP_HOST: "a.example" });
  expect(found).not.toHaveProperty("HTTP_COOKIE");
});

test("the modifiers are those of the configuration", () => {
  const { bytes } = packet({}, { modifier1: 9, modifier2: 14 });
  expect([bytes[0], bytes[3]]).toEqual([9, 14]);
});

test("the variables are those of nginx's uwsgi_params, also where there is nothing to say", () => {
  const names = ["QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH", "REQUEST_URI", "PATH_INFO"];
  names.push("DOCUMENT_ROOT", "SERVER_PROTOCOL", "REQUEST_SCHEME", "REMOTE_ADDR", "REMOTE_PORT", "SERVER_PORT");
  const found = variables({});
  expect(Object.keys(found).toSorted()).toEqual([...names, "SERVER_NAME"].toSorted());
  expect([found["CONTENT_TYPE"], found["DOCUMENT_ROOT"]]).toEqual(["", ""]);
  expect(variables({ fields: [["Content-Type", "text/x"]] })["CONTENT_TYPE"]).toBe("text/x");
  const params = [{ name: "SERVER_ADDR", value: template("$server_addr") }];
  expect(variables({}, { params })["SERVER_ADDR"]).toBe("127.0.0.1");
});

test("what a gateway in front sends goes on as it is", () => {
  const found = variables({ params: new Map([["SERVER_ADDR", "192.0.2.1"]]) });
  expect(found["SERVER_ADDR"]).toBe("192.0.2.1");
  expect(found).not.toHaveProperty("DOCUMENT_ROOT");
});

test("a client's fields neither name it nor become magic", () => {
  const fields = [
    ["X-Forwarded-Proto", "https"],
    ["X-Real-IP", "10.0.0.1"],
    ["UWSGI-FILE", "/etc/passwd"],
    ["X-Other", "1"],
  ] as const;
  const found = variables({ fields });
  expect(found).toMatchObject({ HTTP_X_OTHER: "1", HTTP_UWSGI_FILE: "/etc/passwd" });
  for (const name of ["HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP", "UWSGI_FILE"]) expect(found).not.toHaveProperty(name);
});

test("more variables than 16 bits can count do not fit", () => {
  const fields = [["X-Large", "x".repeat(65_535)]] as const;
  expect(packet({ fields }).length).toBe(-1);
});
