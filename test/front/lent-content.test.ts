import { describe, expect, test } from "bun:test";
import { ReplyWriter } from "../../src/front/reply-writer.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { ReplyHead } from "../../src/protocol/http/message.ts";
import { fakeExchange } from "../support/exchange.ts";
import { MemoryWire } from "../support/memory-wire.ts";

const SCRATCH_BYTES = 4096;

function stage(room = Number.POSITIVE_INFINITY) {
  const wire = new MemoryWire();
  wire.room = room;
  const outbox = new Outbox(wire);
  return { wire, outbox, writer: new ReplyWriter(outbox, Buffer.alloc(SCRATCH_BYTES)) };
}

function headOf(length: number, tag = '"x"'): ReplyHead {
  return { status: 200, reason: undefined, fields: Fields.of([["ETag", tag]]), length };
}

describe("content that is lent", () => {
  const sizes = [0, 1, 3000, SCRATCH_BYTES, 20_000];
  const cases = sizes.flatMap((size) =>
    (["GET", "HEAD"] as const).flatMap((method) => [0, 100, 5000].map((room) => ({ size, method, room }))),
  );

  test.each(cases)("is the caller's after the call, whatever was sent of it: %j", ({ size, method, room }) => {
    const { head: asked } = fakeExchange({ method }).exchange;
    const content = Buffer.alloc(size + 10, "abcdefg");
    const whole = stage();
    whole.writer.whole(asked, headOf(size), content, true);
    const lent = stage(room);
    lent.writer.lend(asked, headOf(size), content, true);
    content.fill("!");
    lent.wire.room = Number.POSITIVE_INFINITY;
    expect(lent.outbox.flush()).toBe(true);
    expect(undated(lent.wire.output)).toBe(undated(whole.wire.output));
    expect(lent.writer.contentBytes).toBe(method === "HEAD" ? 0 : size);
  });

  test("goes with a head that is larger than the scratch buffer", () => {
    const { wire, writer } = stage();
    writer.lend(
      fakeExchange({}).exchange.head,
      headOf(5, `"${"x".repeat(SCRATCH_BYTES)}"`),
      Buffer.from("hello"),
      true,
    );
    expect(wire.output).toEndWith("\r\n\r\nhello");
  });
});

function undated(output: string): string {
  return output.replace(/^Date: .*$/m, "Date");
}
