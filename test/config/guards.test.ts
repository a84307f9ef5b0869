/** Access, auth, limits, error pages, try and otherwise: what is written and what is in force. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { NO_GUARDS } from "../support/guards.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const CASES = join(import.meta.dir, "../cases/config");

let bin = "";
beforeAll(() => {
  bin = makeFolder("guards-config");
  writeFileSync(join(bin, "python3"), "#!/bin/sh\n", { mode: 0o755 });
});
afterAll(() => removeFolder(bin));

function config(): Config {
  const environment = { PATH: bin, PROJECT: "project", THREADS: "3", EMPTY: "", TRICK: "" };
  const { config: loaded, problems } = loadConfig(join(CASES, "ok_everything.toml"), environment);
  if (loaded === undefined) throw new Error(JSON.stringify(problems));
  return loaded;
}

describe("what is in force", () => {
  test("guards: a route's word replaces the site's, its error pages come first", () => {
    const [first, second] = config().sites;
    const staff = { users: join(CASES, "project/users"), realm: "Staff" };
    const route = (pattern: string) => first?.routes.find((each) => each.pattern === pattern);
    expect(first?.guards).toEqual(NO_GUARDS);
    expect(route("/staff/")?.guards).toEqual({ ...NO_GUARDS, auth: staff, limits: ["login", "all"] });
    expect(route("/mixed/")?.guards).toEqual({ ...NO_GUARDS, intercept: true });
    const page = { statuses: ["404"], status: undefined, source: { kind: "route" as const, path: "/" } };
    expect(route("/open/")?.guards).toEqual({ ...NO_GUARDS, errorPages: [page] });
    const inherited = second?.routes[0]?.guards;
    expect(inherited).toEqual({
      access: ["allow 10.0.0.0/8", "allow unix:", "deny all"],
      limits: ["all"],
      auth: { users: staff.users, realm: "restricted" },
      authRequest: undefined,
      satisfy: "any",
      errorPages: [
        { statuses: ["502", "503"], status: 500, source: { kind: "respond", text: "down", contentType: "text/plain" } },
        {
          statuses: ["4xx"],
          status: undefined,
          source: { kind: "file", path: join(CASES, "project/static/site.css") },
        },
      ],
      intercept: false,
    });
  });

  test("try and otherwise", () => {
    const fallbacks = config().sites[0]?.routes.flatMap((route) => route.fallback ?? []);
    expect(fallbacks).toEqual([
      { candidates: ["$uri", "$uri/", "/site.css"], otherwise: { kind: "status", status: 404 } },
      {
        candidates: ["$uri", "$uri/"],
        otherwise: { kind: "target", target: { kind: "app", app: "mysite", mount: "" } },
      },
    ]);
  });

  test("[limit.NAME]", () => {
    const login = { name: "login", rate: "30/m", intervalUs: 2e6, key: "$tenant $http_x_key", burst: 5, delay: 2 };
    const all = { name: "all", rate: "100/s", intervalUs: 10_000, key: "$remote_addr", burst: 0, delay: undefined };
    expect(config().rateLimits).toEqual([
      { ...login, entries: 65_536, status: 429 },
      { ...all, entries: 2048, status: 503 },
    ]);
  });
});
