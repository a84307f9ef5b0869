import { describe, expect, test } from "bun:test";
import type { HeaderRule } from "../../src/exchange/reply-headers.ts";
import { joinRules } from "../../src/exchange/reply-headers.ts";
import type { UpstreamOptions } from "../../src/proxy/options.ts";
import { rig, startScripted } from "../support/scripted-upstream.ts";
import { template } from "../support/template.ts";
import { until } from "../support/wait.ts";

const rules = (rule: HeaderRule) => joinRules([rule]);

/** The heads of four replies in turn, to requests for /1 … /4. */
async function heads(fields: string, options: Partial<UpstreamOptions> = {}) {
  const server = startScripted((visit) => {
    if (visit.text.endsWith("\r\n\r\n")) visit.send(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`);
  });
  const { request } = rig([server.port], options);
  const seen = [];
  for (let number = 1; number <= 4; number++) {
    const { reply } = request({ path: `/${number}`, fields: [["Host", `h${number}`]] });
    await until("the reply", 5000, () => reply.state === "finished");
    expect(reply.text).toBe("ok");
    seen.push(reply.head);
  }
  server.stop();
  return seen;
}

describe("a head that comes again and again", () => {
  test("is one object, whose encoding is kept", async () => {
    const [first, second, third, fourth] = await heads("Content-Type: text/html\r\nConnection: x\r\nX: 1\r\n");
    expect(first?.prepared).toBeUndefined();
    expect(second?.prepared).toBeDefined();
    expect([third, fourth]).toEqual([second, second]);
    expect(fourth).toBe(second as NonNullable<typeof second>);
    for (const head of [first, second]) expect(head?.fields.pairs()).toEqual([["Content-Type", "text/html"]]);
  });

  test("has what the configuration adds", async () => {
    const headersDown = rules({ kind: "set", name: "Y", value: template("2") });
    const seen = await heads("X: 1\r\n", { headersDown });
    expect(seen[3]?.prepared).toBeDefined();
    for (const head of seen)
      expect(head?.fields.pairs()).toEqual([
        ["X", "1"],
        ["Y", "2"],
      ]);
  });
});

describe("worked out each time is what hangs on the request", () => {
  const byRequest = rules({ kind: "set", name: "Y", value: template("$uri") });
  const cases: Record<string, [fields: string, Partial<UpstreamOptions>]> = {
    "a rule with a variable": ["X: 1\r\n", { headersDown: byRequest }],
    Location: ["Location: http://h2/x\r\n", {}],
    Refresh: ["Refresh: 5; url=http://h2/x\r\n", {}],
    "Set-Cookie": ["Set-Cookie: a=1; Domain=x\r\n", { cookieDomains: [{ from: "x", to: template("$host") }] }],
    "a word to the gateway": ["X-Accel-Redirect: /x\r\n", {}],
    "X-Sendfile": ["X-Sendfile: /x\r\n", {}],
    "a sticky cookie": ["X: 1\r\n", { policy: "sticky", stickyCookie: "route" }],
  };
  test.each(Object.entries(cases))("%s", async (_, [fields, options]) => {
    const seen = await heads(fields, options);
    for (const head of seen) expect(head?.prepared).toBeUndefined();
    expect(new Set(seen).size).toBe(4);
  });

  test("so that each gets its own", async () => {
    const seen = await heads("X: 1\r\n", { headersDown: byRequest });
    expect(seen.map((head) => head?.fields.get("y"))).toEqual(["/1", "/2", "/3", "/4"]);
  });
});
