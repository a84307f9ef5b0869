/** The small pure parts: sizes, lines for the settings, differences, judgements, wrapping. */
import { expect, test } from "bun:test";
import { awaitCertificate, type CertificateState } from "../../src/setup/certificate.ts";
import { diffLines } from "../../src/setup/diff.ts";
import { isAllowed, missingLines, withLines } from "../../src/setup/edits.ts";
import { deployFindings } from "../../src/setup/manage.ts";
import { showBytes, sizePool } from "../../src/setup/sizing.ts";
import { judgeFile, judgePage, someFile } from "../../src/setup/verify.ts";
import { clipText, wrapText } from "../../src/setup/wrap.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { ROOT, SETTINGS } from "../support/setup.ts";

const MIB = 2 ** 20;

const SIZES: readonly (readonly [cores: number, memory: number | undefined, each: number | undefined, string])[] = [
  [1, 1024 * MIB, 50 * MIB, "2 × 2"],
  [4, 4096 * MIB, 50 * MIB, "4 × 2"],
  [2, 512 * MIB, 120 * MIB, "1 × 4"],
  [8, 1024 * MIB, 100 * MIB, "3 × 4"],
  [2, undefined, undefined, "2 × 2"],
  [1, 256 * MIB, 900 * MIB, "1 × 4"],
];

for (const [cores, memoryBytes, each, expected] of SIZES)
  test(`${cores} cores, ${memoryBytes} bytes, ${each} for one: ${expected}`, () => {
    const { processes, threads, reason } = sizePool({ cores, memoryBytes }, each);
    expect(`${processes} × ${threads}`).toBe(expected);
    expect(reason.includes("more would not fit")).toBe(threads === 4);
  });

test("sizes for reading", () => expect([48 * MIB, 1945 * MIB].map(showBytes)).toEqual(["48 MB", "1.9 GB"]));

const STARTPROJECT = "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n";
const OLD = "import os\nBASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n";
const bare = { ...SETTINGS, staticRoot: undefined };
const lines = (settings: typeof SETTINGS, text: string, domains: readonly string[] = []) =>
  missingLines(settings, ROOT, domains, text)?.lines;

test("STATIC_ROOT in the manner of the file", () => {
  expect(lines(bare, STARTPROJECT)).toEqual(['STATIC_ROOT = BASE_DIR / "staticfiles"']);
  expect(lines(bare, OLD)).toEqual(['STATIC_ROOT = os.path.join(BASE_DIR, "staticfiles")']);
  expect(lines(bare, "from .base import *\n")).toEqual([`STATIC_ROOT = "${ROOT}/staticfiles"`]);
  // A BASE_DIR that is another folder.
  expect(lines({ ...bare, file: `${ROOT}/shop/settings/prod.py` }, STARTPROJECT)).toEqual([
    `STATIC_ROOT = "${ROOT}/staticfiles"`,
  ]);
  expect(lines({ ...bare, installedApps: [] }, STARTPROJECT)).toBeUndefined();
  expect(lines({ ...bare, file: undefined }, STARTPROJECT)).toBeUndefined();
});

test("names that ALLOWED_HOSTS lacks", () => {
  expect(lines(SETTINGS, "", ["www.shop.example.org"])).toBeUndefined();
  expect(lines(SETTINGS, "", ["b.org", "*.c.org"])).toEqual(['ALLOWED_HOSTS = [*ALLOWED_HOSTS, "b.org", ".c.org"]']);
  expect(lines({ ...SETTINGS, allowedHosts: [] }, "", ["b.org"])).toEqual(['ALLOWED_HOSTS = ["b.org"]']);
  const developing = { ...SETTINGS, allowedHosts: [], debug: true };
  expect(lines(developing, "", ["b.org"])).toEqual(['ALLOWED_HOSTS = ["b.org", "localhost", "127.0.0.1"]']);
});

test("who is allowed, as Django decides it", () => {
  const allowed = (name: string, allowedHosts: string[], debug = false) =>
    isAllowed(name, { ...SETTINGS, allowedHosts, debug });
  expect(allowed("a.b.org", [".b.org"])).toBe(true);
  expect(allowed("b.org", [".b.org"])).toBe(true);
  expect(allowed("ab.org", [".b.org"])).toBe(false);
  expect(allowed("b.org", ["*"])).toBe(true);
  expect(allowed("b.org", ["B.org"])).toBe(true);
  expect(allowed("localhost", [], true)).toBe(true);
  expect(allowed("localhost", [])).toBe(false);
  expect(allowed("b.org", [], true)).toBe(false);
});

test("lines go to the end of the file", () => {
  expect(withLines("A = 1\n\n\n", ["B = 2"])).toBe("A = 1\n\n# For server: added by server setup.\nB = 2\n");
});

test("a difference: what goes, what comes, what is around it", () => {
  const show = (before: string, after: string) =>
    diffLines(before, after).map((line) => (line === undefined ? "…" : line.sign + line.text));
  expect(show("a\nb\n", "a\nb\n")).toEqual([]);
  expect(show("a\nb\nc\n", "a\nx\nc\n")).toEqual([" a", "-b", "+x", " c"]);
  expect(show("", "a\n")).toEqual(["+a"]);
  const before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  expect(show(before, before.replace("5", "five"))).toEqual(["…", " 3", " 4", "-5", "+five", " 6", " 7", "…"]);
});

const context = { host: "www.example.org", kind: "django", log: "server.log" } as const;
const answer = (status: number, bytes = 10) => ({ status, location: "/login/", bytes, trusted: undefined });

const PAGES: readonly (readonly [number, boolean, RegExp, ("static" | "proxy")?])[] = [
  [200, true, /answered 200, 10 bytes/],
  [302, true, /answered 302, to \/login\//],
  [403, true, /asks who you are/],
  [404, true, /has no page there/],
  [404, false, /no index.html/, "static"],
  [400, false, /ALLOWED_HOSTS in the settings needs "www.example.org"/],
  [421, false, /names in server.toml/],
  [500, false, /stands in server.log, then server reload/],
  [502, false, /Python process died/],
  [502, false, /the other server does not answer; start it/, "proxy"],
  [503, false, /in time/],
  [418, false, /see server.log/],
];

for (const [status, good, expected, kind] of PAGES)
  test(`a page is answered ${status} by ${kind ?? "django"}`, () => {
    const judged = judgePage("/", answer(status), { ...context, ...(kind && { kind }) });
    expect(judged.good).toBe(good);
    expect(`${judged.what}; ${judged.remedy}`).toMatch(expected);
  });

test("what mends a failure is said when it is known", () => {
  const judged = judgePage("/", answer(500), { ...context, hint: "manage.py migrate" });
  expect(judged).toMatchObject({ good: false, what: "/ is answered 500", remedy: "manage.py migrate" });
});

test("no answer at all", () => {
  expect(judgePage("/", "ECONNREFUSED", context)).toMatchObject({
    good: false,
    what: "/ is not answered: ECONNREFUSED",
  });
  expect(judgeFile("/s/a.css", "ECONNREFUSED", 1, "/srv/s").good).toBe(false);
});

test("a static file is good when it has the size that it has", () => {
  const judge = (status: number, size: number) => judgeFile("/s/a.css", answer(status), size, "/srv/s");
  expect(judge(200, 10).good).toBe(true);
  expect(judge(200, 11)).toMatchObject({ good: false, remedy: expect.stringContaining("server explain") });
  expect(judge(403, 10).remedy).toContain("/srv/s must be readable");
  expect(judge(301, 10).good).toBe(false);
});

test("a file to ask for: the nearest, and not what is about the folder", () => {
  const folder = makeFolder("some-file");
  try {
    expect(someFile(folder)).toBeUndefined();
    writeFiles(folder, {
      "server.toml": "x",
      ".hidden": "x",
      "with space": "x",
      "css/b.css": "1234",
      "css/deep/a.css": "",
    });
    expect(someFile(folder)).toEqual({ path: "css/b.css", size: 4 });
    writeFiles(folder, { "index.html": "12" });
    expect(someFile(folder)).toEqual({ path: "index.html", size: 2 });
    expect(someFile(`${folder}/none`)).toBeUndefined();
  } finally {
    removeFolder(folder);
  }
});

test("Django's advice, a sentence each, and what is done here in its place", () => {
  const text = `System check identified some issues:

WARNINGS:
?: (security.W008) Your SECURE_SSL_REDIRECT setting is not set to True. Unless your site should be available over both…
?: (security.W018) You should not have DEBUG set to True in deployment.
`;
  expect(deployFindings(text, false)).toEqual({
    errors: [],
    warnings: [
      "security.W008: Your SECURE_SSL_REDIRECT setting is not set to True.",
      "security.W018: You should not have DEBUG set to True in deployment.",
    ],
  });
  expect(deployFindings(text, true).warnings[0]).toEndWith("is not set to True. This server redirects by itself.");
});

test("Django's errors, whole and with its hints, apart from its warnings", () => {
  const text = `SystemCheckError: System check identified some issues:

CRITICALS:
shop.Order.total: (fields.E130) DecimalFields must define a 'decimal_places' attribute.

ERRORS:
?: (mail.E001) Your MAILERS setting uses a development-only email backend (console.EmailBackend). Twice.
\tHINT: Use a production-ready email backend.
shop: The shop is closed.

WARNINGS:
?: (security.W018) You should not have DEBUG set to True in deployment.
\tHINT: Never.

System check identified 4 issues (0 silenced).
`;
  expect(deployFindings(text, false)).toEqual({
    errors: [
      "fields.E130: DecimalFields must define a 'decimal_places' attribute.",
      "mail.E001: Your MAILERS setting uses a development-only email backend (console.EmailBackend). Twice. Use a production-ready email backend.",
      "shop: The shop is closed.",
    ],
    warnings: ["security.W018: You should not have DEBUG set to True in deployment."],
  });
  expect(deployFindings("Traceback (most recent call last):\nOSError: gone: (a.b) x\n", false).errors).toEqual([]);
});

test("text in columns", () => {
  expect(wrapText("one two three", 8)).toEqual(["one two", "three"]);
  expect(wrapText("a  b", 10)).toEqual(["a  b"]);
  expect(wrapText("    deep text goes", 12)).toEqual(["    deep", "    text", "    goes"]);
  expect(wrapText("abcdefghijklm", 8)).toEqual(["abcdefgh", "ijklm"]);
  expect(wrapText("- one two three", 9)).toEqual(["- one two", "  three"]);
  expect(wrapText("  12. one two", 12)).toEqual(["  12. one", "      two"]);
  expect(wrapText("one\n\ntwo", 20)).toEqual(["one", "", "two"]);
  expect([clipText("abcdef", 6), clipText("abcdef", 4)]).toEqual(["abcdef", "abc…"]);
});

const TEMPORARY: CertificateState = { temporary: true, failures: 0, problems: ["is temporary"] };
const FAILED: CertificateState = { temporary: true, failures: 1, problems: ["the DNS has no such name"] };
const ORDERED: CertificateState = { temporary: false, failures: 0, problems: [] };

const WAITS: readonly (readonly [string, readonly (CertificateState | undefined)[], object])[] = [
  ["until it is there", [TEMPORARY, TEMPORARY, ORDERED], { kind: "there" }],
  ["until an order fails", [TEMPORARY, FAILED], { kind: "problem", problems: ["the DNS has no such name"] }],
  ["not for a server that cannot be asked", [undefined], { kind: "late" }],
  ["not for ever", [TEMPORARY], { kind: "late" }],
];

for (const [title, states, end] of WAITS)
  test(`a certificate is waited for: ${title}`, async () => {
    const left = [...states];
    let sleptMs = 0;
    const sleep = (ms: number) => Promise.resolve(void (sleptMs += ms));
    const look = () => Promise.resolve(left.length > 1 ? left.shift() : left[0]);
    expect(await awaitCertificate(look, () => false, sleep)).toEqual(end as never);
    expect(sleptMs).toBeLessThanOrEqual(90_000);
  });

test("a certificate is waited for: not when somebody leaves", async () => {
  expect(
    await awaitCertificate(
      () => Promise.resolve(TEMPORARY),
      () => true,
    ),
  ).toEqual({ kind: "late" });
});
