import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BODY_MEMORY_BYTES_MAX,
  collectBody,
  EMPTY_BODY,
  type SpooledBody,
  type SpoolFailure,
} from "../../src/exchange/spool.ts";
import { openBelow } from "../support/descriptors.ts";
import { fakeExchange, type FakeRequest } from "../support/exchange.ts";

const directory = mkdtempSync(join(tmpdir(), "spool-"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Outcome {
  body: SpooledBody | undefined;
  failure: SpoolFailure | undefined;
  detail: string | undefined;
  calls: number;
}

function collect(request: FakeRequest, options: { bound?: number; memory?: number; directory?: string } = {}) {
  const fake = fakeExchange({ method: "POST", ...request });
  fake.exchange.bodyBytesMax = options.bound ?? 0;
  const outcome: Outcome = { body: undefined, failure: undefined, detail: undefined, calls: 0 };
  const spool = { temporaryDirectory: options.directory ?? directory, memoryBytesMax: options.memory ?? 1024 };
  collectBody(fake.exchange, spool, {
    collected: (body) => {
      outcome.calls++;
      outcome.body = body;
    },
    failed: (why, detail) => {
      outcome.calls++;
      outcome.failure = why;
      outcome.detail = detail;
    },
  });
  return { ...fake, outcome };
}

function pattern(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255));
}

/** Cuts into pieces of growing size, so that every edge is met. */
function pieces(bytes: Buffer, step: number): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size += step) cut.push(bytes.subarray(at, at + size));
  return cut;
}

function readAll(body: SpooledBody, bufferSize: number): Buffer {
  const parts: Buffer[] = [];
  const into = Buffer.alloc(bufferSize);
  for (let at = 0; at < body.length;) {
    const got = body.read(at, into);
    expect(got).toBeGreaterThan(0);
    parts.push(Buffer.from(into.subarray(0, got)));
    at += got;
  }
  expect(body.read(body.length, into)).toBe(0);
  return Buffer.concat(parts);
}

describe("collectBody", () => {
  test("gives the shared empty body at once when there is none", () => {
    expect(collect({}).outcome.body).toBe(EMPTY_BODY);
    expect(collect({ body: [], bodyLength: -1 }).outcome.body).toBe(EMPTY_BODY);
  });

  for (const length of [1, 1023, 1024, 1025, 5000, 100_000]) {
    for (const known of [true, false]) {
      for (const step of [0, 7, 1000]) {
        if (step === 0 && length > 5000) continue;
        test(`keeps ${length} bytes in order, length ${known ? "known" : "unknown"}, pieces growing by ${step}`, () => {
          const content = pattern(length);
          const { outcome } = collect({ body: pieces(content, step), ...(known ? {} : { bodyLength: -1 }) });
          const body = outcome.body as SpooledBody;
          expect(body.length).toBe(length);
          expect(readAll(body, 777).equals(content)).toBe(true);
          expect(body.bytes() === undefined).toBe(length > 1024);
          expect(openBelow(directory)).toBe(length > 1024 ? 1 : 0);
          body.close();
          body.close();
          expect(openBelow(directory)).toBe(0);
        });
      }
    }
  }

  test("copies: the session uses its buffer again", () => {
    const chunk = Buffer.from("first");
    const { outcome } = collect({ body: [chunk] });
    chunk.fill("x");
    expect(Buffer.from(outcome.body?.bytes() as Uint8Array).toString()).toBe("first");
  });

  test("an announced length alone takes no memory and no descriptor", () => {
    const { outcome } = collect({ body: [Buffer.from("a")], bodyLength: 10_000_000, bodyFailure: "timeout" });
    expect(outcome.failure).toBe("timeout");
    expect(openBelow(directory)).toBe(0);
  });

  for (const why of ["aborted", "malformed", "timeout", "too-large"] as const) {
    for (const length of [100, 5000]) {
      test(`${why} after ${length} bytes leaves nothing open`, () => {
        const { outcome } = collect({ body: [pattern(length)], bodyLength: -1, bodyFailure: why });
        expect(outcome).toEqual({ body: undefined, failure: why, detail: undefined, calls: 1 });
        expect(openBelow(directory)).toBe(0);
      });
    }
  }

  test("answers 413 before it reads a body that announces too much", () => {
    const { outcome, reply } = collect({ body: [pattern(2000)] }, { bound: 1999 });
    expect(outcome.failure).toBe("too-large");
    expect(reply.status).toBe(413);
  });

  test("answers 413 and closes its file when an unannounced body grows too large", () => {
    const { outcome, reply } = collect({ body: pieces(pattern(9000), 500), bodyLength: -1 }, { bound: 8999 });
    expect(outcome).toEqual({ body: undefined, failure: "too-large", detail: undefined, calls: 1 });
    expect(reply.status).toBe(413);
    expect(openBelow(directory)).toBe(0);
  });

  test("takes a body of exactly the bound", () => {
    const { outcome } = collect({ body: pieces(pattern(9000), 500), bodyLength: -1 }, { bound: 9000 });
    expect(outcome.body?.length).toBe(9000);
    outcome.body?.close();
  });

  test("says storage, once, when the directory cannot be written, and leaves the answer to the owner", () => {
    const { outcome, reply } = collect({ body: pieces(pattern(9000), 500) }, { directory: join(directory, "missing") });
    expect(outcome.failure).toBe("storage");
    expect(outcome.detail).toContain("ENOENT");
    expect(outcome.calls).toBe(1);
    expect(reply.state).toBe("waiting");
  });

  test("by default a usual form stays in memory", () => {
    const { outcome } = collect({ body: [pattern(BODY_MEMORY_BYTES_MAX)] }, { memory: BODY_MEMORY_BYTES_MAX });
    expect(outcome.body?.bytes()?.length).toBe(BODY_MEMORY_BYTES_MAX);
  });
});
