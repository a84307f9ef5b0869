import { describe, expect, test } from "bun:test";
import { parse } from "smol-toml";
import { emptyPlan, type Plan, Settings, type Value } from "../../src/import/plan.ts";
import { SourceFile } from "../../src/import/source.ts";
import { writePlan } from "../../src/import/write.ts";

const source = new SourceFile("nginx.conf", "/etc/nginx/nginx.conf", "user www;\nhttp {\n  charset utf-8;\n}\n");

function withRoutes(routes: readonly (readonly [string, Readonly<Record<string, Value>>])[]): Plan {
  const plan = emptyPlan();
  plan.sites.push({
    settings: new Settings(),
    origin: undefined,
    routes: routes.map(([pattern, values]) => {
      const settings = new Settings<"files">();
      for (const [key, value] of Object.entries(values)) settings.set(key as "files", value);
      return { pattern, settings, origin: undefined };
    }),
  });
  return plan;
}

describe("writePlan", () => {
  test("writes each value with the line that it came from and the comment above it", () => {
    const plan = emptyPlan();
    plan.head.push("Imported from nginx.conf.");
    plan.server.set("fronts", 4, source.at(0));
    plan.server.set("access_log", "off", source.at(source.text.indexOf("charset")), "Nobody read it.");
    expect(writePlan(plan)).toBe(`# Imported from nginx.conf.

[server]
fronts     = 4      # nginx.conf:1
# Nobody read it.
access_log = "off"  # nginx.conf:3
`);
  });

  test("keeps regular expressions in the order in which they are tried, though one is too long for a line", () => {
    const long = `~ ^/(${"x".repeat(120)})$`;
    const patterns = ["~ ^/a$", "/", long, "~ ^/b$", "= /c"];
    const text = writePlan(withRoutes(patterns.map((pattern) => [pattern, { files: "/srv" }])));
    const { site } = parse(text) as { site: { routes: Record<string, unknown> }[] };
    const written = Object.keys(site[0]?.routes ?? {});
    expect(written.filter((pattern) => pattern.startsWith("~"))).toEqual(["~ ^/a$", long, "~ ^/b$"]);
    expect(written.toSorted()).toEqual(patterns.toSorted());
  });

  test.each([
    ["a text with quotes", 'say "hello"'],
    ["an expression", "^/a\\.(css|js)$"],
    ["a text with both quotes", `it's "so"`],
    ["control characters", "a\n\tb\x7f"],
    ["a list too long for a line", Array.from({ length: 30 }, (_, i) => `name-${i}.example.org`)],
    ["a table too long for a line", { set: Object.fromEntries([1, 2, 3, 4].map((i) => [`X-${i}`, "y".repeat(30)])) }],
  ] as const)("what is read back is what was to be written: %s", (_, value) => {
    const plan = emptyPlan();
    const settings = new Settings<"headers">();
    settings.set("headers", value);
    plan.sites.push({ settings, routes: [], origin: undefined });
    expect(parse(writePlan(plan))).toEqual({ site: [{ headers: value }] });
  });
});
