import { describe, expect, test } from "bun:test";
import { cgiVariables } from "../../src/exchange/cgi.ts";
import { fakeExchange } from "../support/exchange.ts";

function variables(fields: readonly (readonly [string, string])[], passes: boolean): string[] {
  const { exchange } = fakeExchange({ fields });
  exchange.passesUnderscores = passes;
  const told: string[] = [];
  const sink = { variable: (name: string, value: string) => void told.push(`${name}=${value}`) };
  cgiVariables(exchange, 0, sink);
  return told.filter((line) => line.startsWith("HTTP_") || line.startsWith("CONTENT_TYPE"));
}

describe("fields with _ in their names", () => {
  test("are dropped unless the site lets them pass", () => {
    expect(variables([["app_token", "x"]], false)).toEqual([]);
    expect(variables([["app_token", "x"]], true)).toEqual(["HTTP_APP_TOKEN=x"]);
  });

  const never = [
    "X_Forwarded_For",
    "X_Forwarded-Proto",
    "X_Real_IP",
    "Content_Length",
    "Content_Type",
    "Transfer_Encoding",
    "Remote_User",
    "Remote_Addr",
    "Proxy_Authorization",
    "X_URL_SCHEME",
    "X_Remote_User",
  ];
  test.each(never)("%s never passes", (name) => expect(variables([[name, "x"]], true)).toEqual([]));

  test("one whose other spelling is there does not pass", () => {
    const both = [
      ["App-Token", "right"],
      ["App_Token", "wrong"],
    ] as const;
    expect(variables(both, true)).toEqual(["HTTP_APP_TOKEN=right"]);
    expect(variables([...both].reverse(), true)).toEqual(["HTTP_APP_TOKEN=right"]);
  });

  test("two that could be taken for each other do not pass", () => {
    const mixed = [
      ["a_b-c", "1"],
      ["a-b_c", "2"],
    ] as const;
    expect(variables(mixed, true)).toEqual([]);
  });
});
