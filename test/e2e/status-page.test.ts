/** The status page in a real browser: what it shows of a server under load, on a desk and on a phone, light and dark. */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { Browser, chromiumMissing, type Window } from "../support/browser.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const APP = `
import os
import time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("no such table: shop_order")
    while environ["PATH_INFO"] == "/slow" and not os.path.exists("released"):
        time.sleep(0.05)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"here"]
`;

/** Where screenshots go that are to be looked at. */
const SCREENSHOTS = process.env["STATUS_PAGE_SCREENSHOTS"];

const missing = chromiumMissing();
const test = testUnless(missing);
const folder = makeFolder("status-page");
let server: Server | undefined;
let browser: Browser;
let base = "";
let page = "";

beforeAll(async () => {
  if (missing !== undefined) return;
  const [port, privatePort, dead] = [await freePort(), await freePort(), await freePort()];
  base = `http://127.0.0.1:${port}`;
  page = `http://127.0.0.1:${privatePort}/`;
  writeFiles(folder, { "app.py": APP, "files/a.txt": "a", "run/there": "" });
  server = await startServer(
    `[server]
fronts = 2
access_log = "off"
[app.mysite]
root = "."
wsgi = "app"
python = "/usr/bin/python3"
processes = 2
threads = 2
[upstream.legacy]
servers = ["127.0.0.1:${dead}"]
[metrics]
listen = "127.0.0.1:${privatePort}"
[[site]]
listen = ["127.0.0.1:${port}", "unix:${folder}/run/site.sock"]
[site.routes]
"/files/" = { files = "files" }
"/old/" = { upstream = "legacy" }
"/" = { app = "mysite" }
`,
    { folder },
  );
  browser = await Browser.start(folder);
  await browser.resize(WINDOWS.desk);
  await browser.open(page);
});

afterAll(async () => {
  if (missing === undefined) await browser.close();
  await server?.dispose();
  removeFolder(folder);
});

const WINDOWS = {
  desk: { width: 1280, height: 900 },
  deskDark: { width: 1280, height: 900, dark: true },
  phone: { width: 390, height: 844, mobile: true },
  phoneDark: { width: 390, height: 844, mobile: true, dark: true },
} as const satisfies Record<string, Window>;

const textOf = (id: string) => browser.evaluate<string>(`document.getElementById("${id}")?.innerText ?? ""`);

async function ask(...paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map(async (path) => (await fetch(base + path)).text()));
}

test("shows traffic, workers with what they run, upstreams, errors with hints, and the log", async () => {
  await until("the state", 15_000, async () => (await textOf("state")) === "serving");
  const slow = ask("/slow");
  for (let i = 0; i < 20; i++) await ask("/", "/files/a.txt", "/nowhere", "/broken", "/old/x");
  await until("the running request", 15_000, async () => (await textOf("workers")).includes("GET /slow"));
  await until("the routes", 15_000, async () => (await textOf("routes")).includes("/files/"));
  expect(await textOf("workers")).toMatch(/mysite 1\t\d+\tready/);
  expect(await textOf("upstreams")).toContain("legacy 127.0.0.1:");
  const errors = await until("the errors", 15_000, async () => {
    const found = await textOf("problems");
    return found.includes("RuntimeError: no such table: shop_order") && found;
  });
  expect(errors).toContain("manage.py migrate");
  await until("the log", 15_000, async () => (await textOf("lines")).includes("RuntimeError"));
  const points = `document.querySelector("#traffic polyline").getAttribute("points").split(" ").length`;
  await until("a line of traffic", 15_000, async () => (await browser.evaluate<number>(points)) > 1);
  // What is worst is drawn over the others.
  const last = `[...document.querySelectorAll("#errors polyline")].at(-1).style.stroke`;
  expect(await browser.evaluate<string>(last)).toContain("red");
  writeFiles(folder, { released: "" });
  await slow;
});

for (const [name, window] of Object.entries(WINDOWS)) {
  test(`fits a window: ${name}`, async () => {
    await browser.resize(window);
    const [wanted, width] = await browser.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    // Tables scroll by themselves, the page does not.
    expect([name, wanted]).toEqual([name, width]);
    const cards = await browser.evaluate<number[]>(
      `[...document.querySelectorAll("section:not([hidden])")].map((each) => each.getBoundingClientRect().right)`,
    );
    expect(Math.max(...cards)).toBeLessThanOrEqual(width);
    expect(await contrast()).toBeGreaterThan(4.5);
    if (SCREENSHOTS === undefined) return;
    mkdirSync(SCREENSHOTS, { recursive: true });
    await browser.screenshot(join(SCREENSHOTS, `${name}.png`));
  });
}

/** Of the text on its card (WCAG 2.1, 1.4.3). */
async function contrast(): Promise<number> {
  const [text, card] = await browser.evaluate<[string, string]>(
    `[getComputedStyle(document.body).color, getComputedStyle(document.querySelector("section")).backgroundColor]`,
  );
  const luminance = (colour: string) => {
    const parts = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => Number(part) / 255);
    const [r = 0, g = 0, b = 0] = parts.map((part) =>
      part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark = 0, light = 0] = [luminance(text), luminance(card)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test("says so when nobody finds a socket of the server", async () => {
  renameSync(join(folder, "run"), join(folder, "gone"));
  await until("the loss", 15_000, async () => (await textOf("state")) === `lost: unix:${folder}/run/site.sock`);
  mkdirSync(join(folder, "run"));
  await until("its end", 15_000, async () => (await textOf("state")) === "serving");
});

test("says so when the server does not answer any more, and goes on with the next", async () => {
  await (server as Server).stop();
  await until("the silence", 15_000, async () => (await textOf("state")).startsWith("no answer"));
  server = await startServer(await Bun.file(join(folder, "server.toml")).text(), { folder });
  await until("the next server", 30_000, async () => (await textOf("state")) === "serving");
});

test("no line of its script failed", () => {
  // That a server does not answer is what the browser itself reports.
  expect(browser.complaints.filter((each) => !each.includes("ERR_CONNECTION_REFUSED"))).toEqual([]);
});
