/** A whole app without a server around it: one supervisor, channels for its fronts, real Python workers. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppChannel, type ChannelOptions } from "../../src/apps/channel.ts";
import { type AppHandlerOptions, makeAppHandler } from "../../src/apps/handler.ts";
import type { AppOptions } from "../../src/apps/options.ts";
import { AppSupervisor } from "../../src/apps/supervisor.ts";
import { makeLog } from "../../src/base/log.ts";
import { sendOpenFile } from "../../src/files/handed-over.ts";
import { fakeExchange, type FakeExchange, type FakeRequest } from "../support/exchange.ts";

export const PROJECTS = join(import.meta.dir, "projects");
export const PYTHON = Bun.which("python3") ?? "/usr/bin/python3";

/** The other Pythons of this machine: `python3.8` … `python3.14` on the PATH, and those that PYTHONS (paths, `:` between
 *  them) names. A name that does not run (a version manager's shim) is not one. */
export function otherPythons(): string[] {
  const named = (process.env["PYTHONS"] ?? "").split(":").filter((path) => path !== "");
  const found = [8, 9, 10, 11, 12, 13, 14].map((minor) => Bun.which(`python3.${minor}`));
  const candidates = [...named, ...found.filter((path) => path !== null)];
  return candidates.filter((path) => existsSync(path) && Bun.spawnSync([path, "-c", ""]).success);
}

export interface RigOptions extends Partial<AppOptions> {
  readonly fronts?: number;
  readonly module?: string;
  readonly channel?: Partial<ChannelOptions>;
  readonly handler?: AppHandlerOptions;
}

export class Rig {
  readonly supervisor: AppSupervisor;
  readonly channels: AppChannel[];
  readonly logged: string[] = [];
  private readonly channelOptions: Partial<ChannelOptions>;
  private readonly handlerOptions: AppHandlerOptions;

  constructor(options: RigOptions = {}) {
    const { fronts = 1, module = "basic", channel = {}, handler = {}, ...app } = options;
    this.handlerOptions = handler;
    this.channelOptions = channel;
    const log = makeLog("test", "debug", (line) => this.logged.push(line));
    this.supervisor = new AppSupervisor(
      {
        name: "test",
        root: PROJECTS,
        wsgi: { kind: "module", module, callable: "application" },
        python: PYTHON,
        processes: 1,
        threads: 1,
        env: { PYTHONDONTWRITEBYTECODE: "1" },
        temporaryDirectory: "/tmp",
        ...app,
      },
      fronts,
      (front, message) => this.channels[front]?.receiveMessage(message),
      log,
    );
    this.channels = Array.from({ length: fronts }, (_, front) => this.makeChannel(front));
  }

  makeChannel(front: number): AppChannel {
    const log = makeLog(`front-${front}`, "debug", (line) => this.logged.push(line));
    const { queueFd } = this.supervisor;
    const options = { app: "test", front, queueFd, temporaryDirectory: "/tmp", sendFile: sendOpenFile };
    return new AppChannel({ ...options, ...this.channelOptions }, log);
  }

  /** Handles the request; does not wait. */
  ask(request: FakeRequest = {}, front = 0): FakeExchange {
    return this.askWith(this.handlerOptions, request, front);
  }

  /** As another route would, with options of its own. */
  askWith(options: AppHandlerOptions, request: FakeRequest, front = 0): FakeExchange {
    const fake = fakeExchange(request);
    makeAppHandler(this.channels[front] as AppChannel, options)(fake.exchange);
    return fake;
  }

  /** Handles the request and waits for the end of its reply. */
  async get(request: FakeRequest | string = {}, front = 0): Promise<FakeExchange> {
    const fake = this.ask(typeof request === "string" ? { path: request } : request, front);
    await fake.reply.over;
    return fake;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await Bun.sleep(5);
  }

  get log(): string {
    return this.logged.join("");
  }

  async close(): Promise<void> {
    await this.supervisor.stop(2000);
    for (const channel of this.channels) channel.close();
  }
}
