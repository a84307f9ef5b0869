/** Several files of one nginx: what they include, what is given beside it, and how they are encoded. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { importFiles } from "../../src/import/import.ts";
import { formatFindings } from "../../src/import/report.ts";
import { SourceFile } from "../../src/import/source.ts";
import { writePlan } from "../../src/import/write.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";

let folder = "";

const MAIN = `events { }
http {
    limit_req_zone $binary_remote_addr zone=login:10m rate=5r/m;
    map $http_x_tier $tier { default free; gold paid; }
    include conf.d/*.conf;
    include sites-enabled/*;
}
`;

const SITE = `server {
    listen 80;
    server_name shop.example.org;
    include snippets/static.conf;
    location / { limit_req zone=login; include proxy_params; proxy_pass http://app; proxy_set_header X-Tier $tier; }
}
`;

beforeAll(() => {
  folder = makeFolder("nginx-files");
  writeFiles(folder, {
    "nginx/nginx.conf": MAIN,
    "nginx/conf.d/upstream.conf": "upstream app { server 127.0.0.1:8000; }\n",
    "nginx/conf.d/disabled.conf.bak": "server { listen 81; }\n",
    "nginx/snippets/static.conf": "location /static/ { alias /srv/static/; }\n",
    "nginx/sites-enabled/shop": SITE,
    "nginx/sites-enabled/.swp": "nonsense",
  });
});

afterAll(() => removeFolder(folder));

function imported(...names: readonly string[]) {
  const files = names.map((name) => {
    const path = join(folder, "nginx", name);
    return new SourceFile(name, path, readFileSync(path, "utf8"));
  });
  const { plan, report } = importFiles(files, {});
  const lost = report.findings.filter(({ changesMeaning }) => changesMeaning);
  return { toml: writePlan(plan), lost: formatFindings(lost, { colour: false }), findings: report.findings };
}

describe("several files are one configuration", () => {
  test("includes are read where they stand, with patterns, relative to the main file", () => {
    const { toml, lost } = imported("nginx.conf");
    expect(lost).toBe("");
    expect(toml).toMatch(/^servers +=.* # conf\.d\/upstream\.conf:1$/m);
    expect(toml).toContain('"/static/" = { files = "/srv/static/" }');
    expect(toml).toContain("[limit.login]");
    expect(toml).not.toContain("listen = 81");
  });

  test("what is said of a file that is included twice is told once", () => {
    writeFiles(folder, {
      "nginx/parts/params": "uwsgi_param QUERY_STRING $query_string;\n",
      "nginx/twice.conf": `server { listen 80;
        location /a { include parts/params; uwsgi_pass 127.0.0.1:1; }
        location /b { include parts/params; uwsgi_pass 127.0.0.1:1; } }\n`,
    });
    const { findings } = imported("twice.conf");
    expect(findings.filter(({ directive }) => directive.startsWith("uwsgi_param"))).toHaveLength(1);
  });

  test("given beside each other they find what the others define", () => {
    writeFiles(folder, {
      "nginx/parts/zones.conf":
        "limit_req_zone $binary_remote_addr zone=login:10m rate=5r/m; map $http_x_tier $tier { default x; }\n",
    });
    const { toml, lost } = imported("conf.d/upstream.conf", "parts/zones.conf", "sites-enabled/shop");
    expect(lost).toBe("");
    expect(toml).toContain("[upstream.app]");
    // Debian's proxy_params, which is not there.
    expect(toml).not.toContain("host ");
  });

  test("a file that the main one includes counts once, also when it is named itself", () => {
    const { toml } = imported("nginx.conf", "sites-enabled/shop");
    expect(toml.match(/^\[\[site\]\]/gm)).toHaveLength(1);
  });

  test("a file of sites-enabled looks for its includes where nginx.conf is", () => {
    const { toml } = imported("sites-enabled/shop");
    expect(toml).toContain('"/static/" = { files = "/srv/static/" }');
  });
});

describe("files as editors leave them", () => {
  const write = (name: string, bytes: Buffer) => writeFileSync(join(folder, "nginx", name), bytes);
  const text = "server {\n\tlisten 80; # hier\n\tlocation /a/ { alias /srv/a/; }\n}\n";

  test("CR LF and a byte order mark change nothing", () => {
    write("plain.conf", Buffer.from(text));
    write("windows.conf", Buffer.from(`\uFEFF${text.replaceAll("\n", "\r\n")}`));
    const [plain, windows] = [imported("plain.conf"), imported("windows.conf")];
    expect(windows.toml.replaceAll("windows", "plain")).toBe(plain.toml);
    expect(windows.lost).toBe("");
  });

  test("a comment in another encoding is a comment", () => {
    write("latin1.conf", Buffer.from(text.replace("hier", "für Größe"), "latin1"));
    expect(imported("latin1.conf").lost).toBe("");
  });

  test("a path in another encoding is an error with its place", () => {
    write("latin1.conf", Buffer.from(text.replace("/srv/a/", "/srv/größe/"), "latin1"));
    expect(imported("latin1.conf").lost).toMatch(/^latin1.conf:3:23: error .* is not UTF-8/);
  });
});
