import { describe, expect, test } from "bun:test";
import type { Log } from "../../src/base/log.ts";
import { SILENT } from "../../src/base/log.ts";
import { Exchange } from "../../src/exchange/exchange.ts";
import { UndeclaredProxy } from "../../src/front/undeclared-proxy.ts";
import { fakeExchange } from "../support/exchange.ts";

function told(cases: readonly (readonly [address: string, field: string])[]): string[] {
  const lines: string[] = [];
  const log: Log = { ...SILENT, warn: (line: string) => void lines.push(line) };
  const watch = new UndeclaredProxy(log);
  for (const [address, field] of cases) {
    const { exchange } = fakeExchange({ fields: [[field, "1"]] });
    const peer = { ...exchange.peer, remoteAddress: address };
    const connection = { number: 1, openedMs: 0, requests: 1 };
    const { id, head, body, reply, protocol, params, startedMs } = exchange;
    watch.noted(new Exchange({ id, head, body, reply, protocol, params, startedMs, peer, connection }));
  }
  return lines;
}

describe("a proxy that nobody named", () => {
  test.each([
    ["127.0.0.1", "X-Forwarded-For"],
    ["192.168.1.5", "X-Real-IP"],
    ["fd00::1", "Forwarded"],
    ["unix:", "x-forwarded-proto"],
  ] as const)("%s is told how to be believed (%s)", (address, field) => {
    expect(told([[address, field]])[0]).toContain(`trusted_proxies = ["${address}"]`);
  });

  test("is told once", () => {
    expect(
      told([
        ["127.0.0.1", "X-Real-IP"],
        ["127.0.0.1", "X-Real-IP"],
      ]),
    ).toHaveLength(1);
  });

  test.each([
    ["203.0.113.9", "X-Forwarded-For"],
    ["127.0.0.1", "X-Other"],
  ] as const)("%s with %s is none", (address, field) => {
    expect(told([[address, field]])).toEqual([]);
  });
});
