/**
 * Golden files: each of test/cases/import/nginx holds an nginx.conf, written after the shapes that are seen in public
 * projects, the server.toml that it becomes and the report line by line. All paths in them are below /srv.
 * With GOLDEN=write they are written anew; read the difference before you keep it.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblems } from "../../src/config/problems.ts";
import { importFiles } from "../../src/import/import.ts";
import { formatFindings } from "../../src/import/report.ts";
import { SourceFile } from "../../src/import/source.ts";
import { writePlan } from "../../src/import/write.ts";
import { Authority } from "../support/certificates.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const CASES = join(import.meta.dir, "../cases/import/nginx");
const TOML = "\n======== server.toml\n";
const REPORT = "\n======== report\n";

const folder = makeFolder("golden-nginx");
afterAll(() => removeFolder(folder));

const names = readdirSync(CASES).filter((name) => name.endsWith(".golden"));

function imported(text: string): { toml: string; report: string } {
  const { plan, report } = importFiles([new SourceFile("nginx.conf", "/srv/etc/nginx.conf", text)], {});
  const end = report.changesMeaning ? "fails unless --partial\n" : "";
  return { toml: writePlan(plan), report: formatFindings(report.findings, { colour: false }) + end };
}

function read(name: string): { text: string; toml: string | undefined; report: string | undefined } {
  const whole = readFileSync(join(CASES, name), "utf8");
  const [text = "", rest] = whole.split(TOML);
  const [toml, report] = rest?.split(REPORT) ?? [];
  return { text, toml, report };
}

test("there are forty at least", () => {
  expect(names.length).toBeGreaterThanOrEqual(40);
});

describe("an nginx.conf becomes what its golden file says", () => {
  test.each(names)("%s", (name) => {
    const { text, toml, report } = read(name);
    const made = imported(text);
    if (process.env["GOLDEN"] === "write") {
      writeFileSync(join(CASES, name), `${text}${TOML}${made.toml}${REPORT}${made.report}`);
      return;
    }
    expect(made.toml).toBe(toml ?? "");
    expect(made.report).toBe(report ?? "");
  });
});

describe("server check accepts what an nginx.conf becomes", () => {
  test.each(names)("%s", (name) => {
    const root = join(folder, name);
    const toml = imported(read(name).text)
      .toml.replaceAll("/srv/", `${root}/srv/`)
      .replaceAll('"/srv"', `"${root}/srv"`);
    mkdirSync(root, { recursive: true });
    for (const [, path = ""] of toml.matchAll(/"(?:unix:)?(\/tmp[^"$]*)/g)) makePath(path);
    writeFileSync(join(root, "server.toml"), toml);
    const { config, problems } = loadConfig(join(root, "server.toml"), ENVIRONMENT, { cores: 2, ipv6: true });
    const errors = problems.filter(({ severity }) => severity === "error");
    expect(formatProblems(errors, { colour: false })).toBe("");
    expect(config).toBeDefined();
  });
});

const ENVIRONMENT = {
  APP_HOST: "app",
  APP_PORT: "8000",
  LISTEN_PORT: "8080",
  DOMAIN: "example.org",
  MAX_BODY: "10m",
  STATIC_ROOT: folder,
};

const pair = new Authority(folder).make("site", { names: "DNS:example.org,DNS:www.example.org" });

/** A directory, or a file when its name has an extension. */
function makePath(path: string): void {
  const isFile = /\.(pem|html|txt|log|sock)$/.test(path) || path.endsWith("htpasswd");
  mkdirSync(isFile ? dirname(path) : path, { recursive: true });
  if (!isFile || extname(path) === ".sock") return;
  writeFileSync(path, certificateFor(path));
}

function certificateFor(path: string): string {
  if (!path.endsWith(".pem")) return "";
  return readFileSync(path.endsWith("privkey.pem") ? pair.key : pair.pem, "utf8");
}
