import { describe, expect, test } from "bun:test";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { mulberry32 } from "../support/http1.ts";
import { against, answering, OK, once, rig, startScripted, type Visit } from "../support/scripted-upstream.ts";

describe("the request body", () => {
  const random = mulberry32(11);
  const content = Buffer.from(Array.from({ length: 3_000_000 }, () => random() * 256));
  const sizes = [0, 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 3_000_000];
  test.each(sizes)("of %d bytes arrives byte for byte, with its length", async (size) => {
    const wanted = content.subarray(0, size);
    const chunks = Array.from({ length: Math.ceil(size / 10_000) }, (_, i) =>
      wanted.subarray(i * 10_000, (i + 1) * 10_000),
    );
    let seen = "";
    const script = (visit: Visit) => {
      const at = visit.text.indexOf("\r\n\r\n") + 4;
      if (at < 4 || visit.text.length - at < size) return;
      seen = visit.text;
      visit.send(OK);
    };
    for (const bodyLength of [size, LENGTH_UNKNOWN]) {
      const { reply } = await against(script, { method: "POST", body: chunks, bodyLength });
      expect(reply.status).toBe(200);
      expect(seen).toContain(`\r\nContent-Length: ${size}\r\n`);
      expect(seen).not.toContain("Transfer-Encoding");
      expect(Buffer.from(seen.slice(seen.indexOf("\r\n\r\n") + 4), "latin1").equals(wanted)).toBe(true);
    }
  });

  test("that the client breaks off is not sent at all", async () => {
    const server = startScripted(answering(OK));
    const { request, upstream } = rig([server.port]);
    const { reply } = request({ method: "POST", body: [Buffer.from("part")], bodyLength: 10, bodyFailure: "aborted" });
    await Bun.sleep(20);
    expect(reply.state).toBe("waiting");
    expect(server.visits).toHaveLength(0);
    upstream.close();
    server.stop();
  });

  test("that was not wanted: an early reply is given, and the connection is not used again", async () => {
    const early = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";
    const server = startScripted(
      once((visit) => {
        visit.wire.pause();
        visit.send(early);
      }),
    );
    const { ask } = rig([server.port]);
    const body = Array.from({ length: 256 }, () => Buffer.alloc(64 * 1024));
    const { reply } = await ask({ method: "POST", body });
    expect([reply.status, reply.text]).toEqual([413, "large"]);
    await ask({ method: "POST", body: [] });
    expect(server.visits).toHaveLength(2);
    server.stop();
  });
});
