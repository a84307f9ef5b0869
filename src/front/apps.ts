/** From [app.NAME] to what answers for it in this front: a channel to the app's pool, with the handler of its routes. */
import type { AppChannel } from "../apps/channel.ts";
import { makeAppHandler } from "../apps/handler.ts";
import type { AppConfig, Config } from "../config/config.ts";
import type { Handler } from "../exchange/exchange.ts";
import type { SpoolBudget } from "../exchange/spool-budget.ts";
import { sendOpenFile } from "../files/handed-over.ts";
import type { Channels } from "./channels.ts";
import type { GuardsContext } from "./guards.ts";
import type { AppPool } from "./messages.ts";

export interface AssembledApp {
  readonly config: AppConfig;
  /** The number of its pool. */
  readonly pool: number;
  readonly channel: AppChannel;
  readonly handler: Handler;
}

export interface AppsContext extends Pick<GuardsContext, "limited"> {
  readonly front: number;
  /** App → its pool. */
  readonly pools: Readonly<Record<string, AppPool>>;
  readonly channels: Channels;
  /** A front's part of what the whole server may spool. */
  readonly budget: SpoolBudget;
}

export function assembleApp(app: AppConfig, config: Config, context: AppsContext): AssembledApp {
  const pool = context.pools[app.name];
  if (pool === undefined) throw new Error(`no pool for app ${app.name}`);
  const channel = context.channels.of(pool.number, {
    app: app.name,
    front: context.front,
    queueFd: pool.queueFd,
    queueMax: app.queueMax,
    queueTimeoutMs: app.queueTimeoutMs,
    temporaryDirectory: config.server.temporaryDirectory,
    budget: context.budget,
    sendFile: sendOpenFile,
    isOthers: app.process.user !== undefined && app.process.user.id !== process.geteuid?.(),
    limited: (limit) => context.limited(limit, `app ${app.name}: a request is answered 503`),
  });
  const handler = makeAppHandler(channel, { requestTimeoutMs: app.requestTimeoutMs });
  return { config: app, pool: pool.number, channel, handler };
}
