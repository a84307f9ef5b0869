/** An app of the configuration as a front has it: its channel to the Python workers, and what answers through it. */
import { AppChannel } from "../apps/channel.ts";
import { makeAppHandler } from "../apps/handler.ts";
import type { AppConfig, Config } from "../config/config.ts";
import type { Handler } from "../exchange/exchange.ts";
import type { SpoolBudget } from "../exchange/spool-budget.ts";
import { sendOpenFile } from "../files/handed-over.ts";
import type { GuardsContext } from "./guards.ts";

export interface AssembledApp {
  readonly config: AppConfig;
  readonly channel: AppChannel;
  readonly handler: Handler;
}

/** What of the front's own an app needs. */
export interface AppContext extends Pick<GuardsContext, "log" | "limited"> {
  readonly front: number;
  readonly queues: Readonly<Record<string, number>>;
}

export function assembleApp(app: AppConfig, config: Config, context: AppContext, budget: SpoolBudget): AssembledApp {
  const queueFd = context.queues[app.name];
  if (queueFd === undefined) throw new Error(`no queue for app ${app.name}`);
  const channel = new AppChannel(
    {
      app: app.name,
      front: context.front,
      queueFd,
      queueMax: app.queueMax,
      queueTimeoutMs: app.queueTimeoutMs,
      temporaryDirectory: config.server.temporaryDirectory,
      budget,
      sendFile: sendOpenFile,
      limited: (limit) => context.limited(limit, `app ${app.name}: a request is answered 503`),
    },
    context.log,
  );
  return { config: app, channel, handler: makeAppHandler(channel, { requestTimeoutMs: app.requestTimeoutMs }) };
}
