/**
 * A headless Chromium, driven over the DevTools protocol: pages are looked at as people do, in a window of some size, light or
 * dark. Only addresses of this machine are asked for.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./wait.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

export function chromiumMissing(): string | undefined {
  return program() === undefined ? "chromium is not installed" : undefined;
}

function program(): string | undefined {
  return NAMES.map((name) => Bun.which(name)).find((path) => path !== null) ?? undefined;
}

function portIn(file: string): string | undefined {
  const [port = ""] = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return port === "" ? undefined : port;
}

/** The DevTools address of the first page, undefined before there is one. */
async function firstPage(port: string): Promise<string | undefined> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as Target[];
  return targets.find(({ type }) => type === "page")?.webSocketDebuggerUrl;
}

interface Target {
  readonly type: string;
  readonly webSocketDebuggerUrl: string;
}

export interface Window {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly mobile?: boolean;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly args?: readonly { readonly value?: unknown }[]; readonly exceptionDetails?: object };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export class Browser {
  /** What pages complained of: exceptions, and what they wrote to the console. */
  readonly complaints: string[] = [];
  private readonly child: Bun.Subprocess;
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private count = 0;

  private constructor(child: Bun.Subprocess, socket: WebSocket) {
    this.child = child;
    this.socket = socket;
    socket.onmessage = ({ data }) => this.hear(JSON.parse(String(data)) as Message);
  }

  /** `folder`: for its profile. */
  static async start(folder: string): Promise<Browser> {
    const profile = join(folder, "chromium");
    const child = Bun.spawn(
      [
        program() ?? "chromium",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-default-browser-check",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      { stdio: ["ignore", "ignore", "ignore"], env: { ...process.env, HOME: folder } },
    );
    const file = join(profile, "DevToolsActivePort");
    const port = await until("port of the browser", 30_000, () => portIn(file));
    // The port is open before the first page is there.
    const url = await until("page of the browser", 30_000, () => firstPage(port));
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => ((socket.onopen = resolve), (socket.onerror = reject)));
    const browser = new Browser(child, socket);
    for (const domain of ["Page", "Runtime", "Log"]) await browser.tell(`${domain}.enable`);
    return browser;
  }

  private hear(message: Message): void {
    if (message.id !== undefined) this.waiting.get(message.id)?.(message);
    if (message.method === "Runtime.exceptionThrown" || message.method === "Log.entryAdded")
      this.complaints.push(JSON.stringify(message.params));
  }

  private async tell(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.count;
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.waiting.set(id, resolve);
    this.socket.send(JSON.stringify({ id, method, params }));
    const { error, result = {} } = await promise;
    this.waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async resize({ width, height, dark = false, mobile = false }: Window): Promise<void> {
    await this.tell("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await this.tell("Emulation.setEmulatedMedia", { features });
  }

  async open(url: string): Promise<void> {
    await this.tell("Page.navigate", { url });
  }

  /** The value of an expression in the page, as JSON has it. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.tell("Runtime.evaluate", { expression, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** A PNG of the whole page. */
  async screenshot(path: string): Promise<void> {
    const { data } = await this.tell("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
    writeFileSync(path, Buffer.from(data as string, "base64"));
  }

  async close(): Promise<void> {
    await this.tell("Browser.close").catch(() => {});
    this.socket.close();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await this.child.exited;
    clearTimeout(timer);
  }
}
