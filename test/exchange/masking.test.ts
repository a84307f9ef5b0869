import { expect, test } from "bun:test";
import { DEFAULT_MASKED, Masking, maskedScope } from "../../src/exchange/masking.ts";
import { evaluate } from "../../src/exchange/template.ts";
import { BUILT_IN } from "../../src/exchange/variables.ts";
import { fakeExchange } from "../support/exchange.ts";
import { template } from "../support/template.ts";

const masking = new Masking(DEFAULT_MASKED);

test("values of masked arguments are taken out of URLs, whatever their case and place", () => {
  const cases = [
    ["/reset?token=abc", "/reset?token=***"],
    ["/reset?a=1&Token=abc&b=2", "/reset?a=1&Token=***&b=2"],
    ["/x?api-key=1;api_key=2", "/x?api-key=***;api_key=***"],
    ["GET /x?password=a%20b HTTP/1.1", "GET /x?password=*** HTTP/1.1"],
    ["/x?tokens=1&mytoken=2", "/x?tokens=1&mytoken=2"],
    ["/x?token=", "/x?token=***"],
    ["/token=abc", "/token=abc"],
    ["/x?token=a#token=b", "/x?token=***#token=b"],
  ] as const;
  for (const [url, shown] of cases) expect(masking.url(url)).toBe(shown);
});

test("variables show what logs may show, and nothing changes for anyone else", () => {
  const { exchange } = fakeExchange({
    path: "/a",
    query: "q=1&token=s3",
    fields: [
      ["Authorization", "Basic s3"],
      ["Cookie", "lang=de; sessionid=s3"],
      ["Referer", "http://x/?password=s3"],
    ],
  });
  const scope = maskedScope(BUILT_IN, masking);
  const shown = (text: string) => evaluate(template(text, scope, "log"), exchange);
  expect(shown("$request")).toBe("GET /a?q=1&token=*** HTTP/1.1");
  expect(shown("$request_uri $args $query_string")).toBe("/a?q=1&token=*** q=1&token=*** q=1&token=***");
  expect(shown("$arg_q $arg_token $arg_password.")).toBe("1 *** .");
  expect(shown("$http_authorization $http_cookie $cookie_sessionid $cookie_lang")).toBe("*** *** *** de");
  expect(shown("$http_referer")).toBe("http://x/?password=***");
  expect(evaluate(template("$args $http_authorization"), exchange)).toBe("q=1&token=s3 Basic s3");
});

test("single cookies are masked where the field is not", () => {
  const { exchange } = fakeExchange({ fields: [["Cookie", "lang=de; sessionid=s3; x=1"]] });
  const scope = maskedScope(BUILT_IN, new Masking(["sessionid"]));
  expect(evaluate(template("$http_cookie", scope, "log"), exchange)).toBe("lang=de; sessionid=***; x=1");
});

test("names may hold anything, and no names hide nothing", () => {
  expect(new Masking(["a.b[c]"]).url("/?a.b[c]=1&axb=2")).toBe("/?a.b[c]=***&axb=2");
  expect(new Masking([]).url("/?token=1")).toBe("/?token=1");
});
