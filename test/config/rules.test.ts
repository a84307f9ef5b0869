import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

const folder = makeFolder("rules");
afterAll(() => removeFolder(folder));

test("rules of a site and of a route are read in their order", () => {
  writeFiles(folder, {
    "server.toml": `
[[site]]
listen = 8000
[[site.rules]]
when = ["$host ~ ^www\\\\.(.+)$", "$request_method != POST"]
redirect = "https://$1$request_uri"
status = 301
[[site.rules]]
match = "~* ^/OLDER/(?<rest>.*)$"
rewrite = "/moved/$rest?from=$host"
[[site.rules]]
when = "!-e /project"
error = 444
[site.routes]
"~ ^/v/[0-9]/" = { error = 404, rules = [{ match = "^/v/1/(.*)$", rewrite = "/v/2/$1", stay = true }] }
`,
  });
  const { config, problems } = loadConfig(join(folder, "server.toml"), {}, { cores: 1, ipv6: true });
  expect(problems).toEqual([]);
  const [site] = config?.sites ?? [];
  expect(site?.rules).toEqual([
    {
      when: ["$host ~ ^www\\.(.+)$", "$request_method != POST"],
      match: undefined,
      action: { kind: "redirect", to: "https://$1$request_uri", status: 301 },
    },
    {
      when: [],
      match: { source: "^/OLDER/(?<rest>.*)$", ignoreCase: true },
      action: { kind: "rewrite", to: "/moved/$rest?from=$host", taker: "site" },
    },
    { when: ["!-e /project"], match: undefined, action: { kind: "error", status: 444 } },
  ]);
  const [action] = site?.routes.flatMap(({ rules }) => rules.map((rule) => rule.action)) ?? [];
  expect(action).toEqual({ kind: "rewrite", to: "/v/2/$1", taker: "route" });
});
