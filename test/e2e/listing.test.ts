/** A listing in a real browser, in the window of a phone: nothing is out of reach, and nothing has to be pushed aside for it. */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { Browser, chromiumMissing } from "../support/browser.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * E2E_TIMEOUT_MS);

const missing = chromiumMissing();
const test = testUnless(missing);
const folder = makeFolder("listing");
let server: Server;
let browser: Browser;
let port = 0;

/** From the newest to the oldest, and from the smallest to the largest. */
const NAMES = ["b.txt", `a-${"very-".repeat(20)}long-name`, `c${"x".repeat(100)}`];

beforeAll(async () => {
  if (missing !== undefined) return;
  writeFiles(folder, { "root/sub/x": "" });
  for (const [i, name] of NAMES.entries()) {
    const path = join(folder, "root", name);
    writeFileSync(path, Buffer.alloc(10 ** (2 * i + 1)));
    utimesSync(path, 1_700_000_000 - i, 1_700_000_000 - i);
  }
  port = await freePort();
  const routes = '"/d/" = { files = "root", listing = true }';
  server = await startServer(ONE_FRONT + site(`127.0.0.1:${port}`, routes), { folder });
  browser = await Browser.start(folder);
});
afterAll(async () => {
  if (missing === undefined) {
    await browser.close();
    await server.dispose();
  }
  removeFolder(folder);
});

async function open(width: number): Promise<void> {
  await browser.resize({ width, height: 800, mobile: true });
  await browser.open(`http://127.0.0.1:${port}/d/`);
  await arrivedAt("/d/");
}

async function arrivedAt(end: string): Promise<void> {
  const isThere = `document.readyState === "complete" && location.href.endsWith(${JSON.stringify(end)})`;
  await until(`the page ${end}`, 10_000, () => browser.evaluate<boolean>(isThere).catch(whileItLeaves));
}

/** The page that was asked may be gone before it answers. */
function whileItLeaves(error: Error): false {
  if (/navigated|context/.test(error.message)) return false;
  throw error;
}

const LINKS = `[...document.querySelectorAll("a")].map((link) => {
  const { left, right, height } = link.getBoundingClientRect();
  return { left, right, height };
})`;

for (const width of [360, 390])
  test(`${width} pixels wide: every link can be hit, and nothing scrolls sideways`, async () => {
    await open(width);
    expect(await browser.evaluate<number>("document.documentElement.scrollWidth")).toBe(width);
    const links = await browser.evaluate<{ left: number; right: number; height: number }[]>(LINKS);
    expect(links.length).toBe(3 + 1 + NAMES.length);
    for (const { left, right, height } of links) {
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(width);
      expect(right - left).toBeGreaterThan(30);
      expect(height).toBeGreaterThanOrEqual(24);
    }
    const times = '[...document.querySelectorAll("time")].every((time) => time.offsetWidth > 0)';
    expect(await browser.evaluate<boolean>(times)).toBe(true);
    expect(browser.complaints).toEqual([]);
  });

const SORTED = [
  ["Size", "?sort=size&order=asc", NAMES],
  ["Modified", "?sort=time&order=asc", NAMES.toReversed()],
  ["Name", "/d/", NAMES.toSorted()],
] as const;

for (const [column, target, names] of SORTED)
  test(`by ${column} it is sorted with a tap`, async () => {
    await open(390);
    const tap = (text: string) =>
      browser.evaluate(
        `[...document.querySelectorAll("th a")].find((a) => a.offsetWidth > 0 && a.textContent.startsWith("${text}")).click()`,
      );
    if (column === "Name") {
      await tap("Size");
      await arrivedAt("?sort=size&order=asc");
    }
    await tap(column);
    await arrivedAt(target);
    const shown = '[...document.querySelectorAll("tbody a")].map((link) => link.textContent)';
    expect(await browser.evaluate<string[]>(shown)).toEqual(["sub/", ...names]);
  });
