/** A request that goes on over HTTP, as the next hop sees it, and what of its reply comes back (RFC 9110 section 7.6). */
import { describe, expect, test } from "bun:test";
import type { FakeRequest } from "../support/exchange.ts";
import { against, answering, OK, once } from "../support/scripted-upstream.ts";

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
const TRAILED = `${CHUNKED}2\r\nok\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a\r\nX-Sum: 2\r\n\r\n`;
const TE: FakeRequest = {
  fields: [
    ["Connection", "TE"],
    ["TE", "gzip;q=0.5, Trailers"],
  ],
};

/** Head of the request as the upstream got it, in lower case. */
async function forwarded(request: FakeRequest): Promise<string> {
  let seen = "";
  await against(
    once((visit) => {
      seen = visit.text.toLowerCase();
      visit.send(OK);
    }),
    request,
  );
  return seen;
}

describe("rfc9110_7_6_2_max_forwards", () => {
  test("0 ends here: the next hop sees nothing", async () => {
    for (const method of ["OPTIONS", "TRACE"]) {
      const { reply, visits } = await against(answering(OK), { method, fields: [["Max-Forwards", "0"]] });
      expect([reply.status, visits.length]).toEqual([204, 0]);
      expect(reply.header("allow")).toContain("OPTIONS");
    }
  });

  test.each([
    ["OPTIONS", "1", "\r\nmax-forwards: 0\r\n"],
    ["OPTIONS", "10", "\r\nmax-forwards: 9\r\n"],
    ["GET", "0", "\r\nmax-forwards: 0\r\n"],
    ["OPTIONS", "-1", "\r\nmax-forwards: -1\r\n"],
    ["OPTIONS", "0x0", "\r\nmax-forwards: 0x0\r\n"],
    ["OPTIONS", "99999999999999999999", "\r\nmax-forwards: 99999999999999999999\r\n"],
  ])("%s with %s goes on", async (method, value, wanted) => {
    expect(await forwarded({ method, fields: [["Max-Forwards", value]] })).toContain(wanted);
  });
});

describe("rfc9110_10_1_4_te", () => {
  test("only trailers goes on, as a field of the new connection", async () => {
    const seen = await forwarded(TE);
    expect(seen).toContain("\r\nte: trailers\r\n");
    expect(seen).toMatch(/\r\nconnection: te\r\n/);
    expect(seen).not.toContain("gzip");
  });

  test("a client that does not say it, or speaks 1.0, is not spoken for", async () => {
    expect(await forwarded({ fields: [["TE", "gzip, nottrailers"]] })).not.toContain("\r\nte:");
    expect(await forwarded({ ...TE, minor: 0 })).not.toContain("\r\nte:");
    const unnamed = await forwarded({ fields: [["TE", "trailers"]] });
    expect(unnamed).not.toContain("\r\nte:");
    expect(unnamed).not.toMatch(/\r\nconnection:.*te/);
  });
});

describe("rfc9110_6_5_trailers", () => {
  test("reach a client that takes them, in order, without those that belong in a head", async () => {
    const { reply } = await against(answering(TRAILED), TE);
    expect([reply.text, reply.header("trailer")]).toEqual(["ok", "X-Sum"]);
    expect(reply.trailers?.pairs()).toEqual([
      ["X-Sum", "1"],
      ["X-Sum", "2"],
    ]);
    // Only chunks can carry them.
    expect(reply.head?.length).toBe(-1);
  });

  test("are dropped for one that does not, and the length is told instead", async () => {
    const { reply } = await against(answering(TRAILED));
    expect([reply.text, reply.trailers, reply.header("trailer")]).toEqual(["ok", undefined, undefined]);
    expect(reply.head?.length).toBe(2);
  });

  test("that belong in the head are not passed alone", async () => {
    const { reply } = await against(answering(`${CHUNKED}2\r\nok\r\n0\r\nSet-Cookie: a\r\n\r\n`), TE);
    expect([reply.text, reply.trailers]).toEqual(["ok", undefined]);
  });

  test("that would frame a message break the reply", async () => {
    const { reply } = await against(answering(`${CHUNKED}2\r\nok\r\n0\r\nContent-Length: 1\r\n\r\n`), TE);
    expect(reply.status === 502 || reply.aborted !== undefined).toBe(true);
  });
});

test("rfc9112_3_2_4: OPTIONS of an absolute target without path asks the whole server", async () => {
  const asked = (target: string, query?: string) => {
    const base = { method: "OPTIONS", target, form: "absolute", path: "/" } as const;
    return forwarded(query === undefined ? base : { ...base, query });
  };
  expect(await asked("http://a.example")).toStartWith("options * http/1.1\r\n");
  expect(await asked("http://a.example/")).toStartWith("options / http/1.1\r\n");
  expect(await asked("http://a.example?q", "q")).toStartWith("options /?q http/1.1\r\n");
});

describe("rfc9110_15_2_interim", () => {
  test("103 goes on before the final reply, 100 does not", async () => {
    const early = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: y\r\n\r\n";
    const { reply } = await against(answering(`HTTP/1.1 100 Continue\r\n\r\n${early}${OK}`));
    expect(reply.interims.map(({ status }) => status)).toEqual([103]);
    expect(reply.interims[0]?.fields.pairs()).toEqual([["Link", "</a.css>"]]);
    expect(reply.status).toBe(200);
  });

  test("a 101 that was not asked for is 502", async () => {
    const { reply } = await against(answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"));
    expect(reply.status).toBe(502);
  });
});
