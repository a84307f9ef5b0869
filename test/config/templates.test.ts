/** What of a configuration holds variables: maps, headers, names with expressions, files with captures. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";

const CASES = join(import.meta.dir, "../cases/config");

function everything() {
  // The interpreter that it names has to be somewhere.
  const { config } = loadConfig(join(CASES, "ok_everything.toml"), process.env, { cores: 4, ipv6: true });
  if (config === undefined) throw new Error("the case is good");
  return config;
}

const config = everything();

test("[map.NAME] keeps the order of its keys", () => {
  const entry = (key: string, value: string) => ({ key, value });
  expect(config.maps).toEqual([
    {
      name: "tenant",
      source: "$host",
      hostnames: true,
      fallback: "nobody",
      entries: [
        entry("*.example.org", "star"),
        entry("www.example.*", "$arg_tenant"),
        entry("~ ^(?<label>[a-z]+)\\.", "$label of $robot"),
      ],
    },
    {
      name: "robot",
      source: "$http_user_agent",
      hostnames: false,
      fallback: "",
      entries: [entry("~* bot", "yes")],
    },
  ]);
});

describe("sites and routes", () => {
  const [site, fallback] = config.sites;
  const routeOf = (pattern: string) => site?.routes.find((route) => route.pattern === pattern);

  test("what is not said", () => {
    expect(site).toMatchObject({ isDefault: false, headers: undefined, passesUnderscores: false });
  });

  test("names of every kind, a default that has names, headers in the order in which they are applied", () => {
    expect(fallback).toMatchObject({
      label: "example.net",
      names: [".example.net", "www.example.*", "~^(?<sub>.+)\\.example\\.edu$"],
      isDefault: true,
      passesUnderscores: true,
      headers: [
        { kind: "remove", name: "X-Powered-By" },
        { kind: "set", name: "X-Tenant", value: "$tenant" },
        { kind: "set", name: "X-Sub", value: "$sub" },
        { kind: "default", name: "X-Frame-Options", value: "DENY" },
        { kind: "add", name: "X-Status", value: "$status" },
      ],
    });
  });

  test("a directory with captures is split where the first variable begins", () => {
    expect(routeOf("~ ^/u/(?<user>[a-z]+)/(.*)$")?.target).toMatchObject({
      roots: [{ path: join(CASES, "project"), below: "/$user/$2" }],
      single: false,
    });
  });

  test("a list adds a field for each of its values", () => {
    expect(routeOf("~ ^/r/([a-z]+)$")?.headers).toEqual([
      { kind: "add", name: "Link", value: "</$1>" },
      { kind: "add", name: "Link", value: "</b>" },
    ]);
  });
});
