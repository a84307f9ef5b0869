/**
 * What stands behind a listener: the kind of its sessions and what they go by. All sessions of a port share one object of
 * options, so that a new configuration holds for the next request of each of them, also on connections that are open. (What
 * a codec was made with stays with its connection: the size of a header.)
 */
import type { Log } from "../base/log.ts";
import type { AppConfig, Config, RouteConfig } from "../config/config.ts";
import type { Account, Exchange, Handler, Peer } from "../exchange/exchange.ts";
import type { OwnedWire, WireOwner } from "../net/wire.ts";
import { HeadMemo } from "../protocol/http1/head-memo.ts";
import { DEFAULT_HEAD_LIMITS } from "../protocol/http1/limits.ts";
import type { LoadedProject } from "../protocol/uwsgi/magic.ts";
import type { AssembledApp } from "./apps.ts";
import type { ListenerHandle } from "./messages.ts";
import type { RefusalOptions, SessionObserver, SessionOptions } from "./options.ts";
import { listensOn } from "./routing.ts";
import type { Serving } from "./serving.ts";
import type { Session } from "./session.ts";
import { Http1Session } from "./session-http1.ts";
import { UwsgiSession, type UwsgiSessionOptions } from "./session-uwsgi.ts";

/** What all sessions of a front have in common. */
export interface PortContext {
  readonly log: Log;
  readonly scratch: Buffer;
  readonly observer: SessionObserver;
}

export interface Port {
  /** As the configuration that is served has it. */
  readonly handle: ListenerHandle;
  readonly make: (wire: OwnedWire, peer: Peer) => Session & WireOwner;
  /** From the next request on. `handle`: of the same listener. False: it takes another kind of port for that. */
  serve(serving: Serving, handle: ListenerHandle): boolean;
}

export function makePort(serving: Serving, handle: ListenerHandle, context: PortContext): Port {
  return handle.uwsgi ? new UwsgiPort(serving, handle, context) : new HttpPort(serving, handle, context);
}

class HttpPort implements Port {
  handle: ListenerHandle;
  private readonly options: SessionOptions;
  private readonly context: PortContext;

  constructor(serving: Serving, handle: ListenerHandle, context: PortContext) {
    this.handle = handle;
    this.context = context;
    this.options = httpOptions(serving, handle, context);
  }

  readonly make = (wire: OwnedWire, peer: Peer): Session & WireOwner => new Http1Session(wire, this.options, peer);

  serve(serving: Serving, handle: ListenerHandle): boolean {
    if (handle.uwsgi) return false;
    this.handle = handle;
    Object.assign(this.options, httpOptions(serving, handle, this.context));
    return true;
  }
}

/** What a configuration before had is not to stay. */
const NO_REFUSALS: RefusalOptions = { refusalRules: undefined, refusalPages: undefined };

function httpOptions(serving: Serving, { key }: ListenerHandle, context: PortContext): SessionOptions {
  const { assembly } = serving;
  const handler = assembly.handlers.get(key);
  if (handler === undefined) throw new Error(`no site listens on ${key}`);
  const { limits, mergeSlashes, drainTimeoutMs } = serving.config.server;
  return {
    ...context,
    handler: counted(handler, serving),
    ...NO_REFUSALS,
    ...assembly.refusals.get(key),
    headLimits: {
      ...DEFAULT_HEAD_LIMITS,
      headBytesMax: limits.headerBytesMax,
      fieldsMax: limits.headerFieldsMax,
      targetBytesMax: limits.targetBytesMax,
      mergeSlashes,
    },
    headMemo: new HeadMemo(),
    timeouts: timeoutsOf(serving.config),
    drainTimeoutMs,
    keepaliveRequestsMax: limits.keepaliveRequestsMax,
    keepaliveAgeMaxMs: limits.keepaliveAgeMaxMs,
    pipelinedMax: limits.pipelinedMax,
    bodyRateMin: limits.bodyRateMin,
    sendRateMin: limits.sendRateMin,
  };
}

class UwsgiPort implements Port {
  handle: ListenerHandle;
  private readonly options: UwsgiSessionOptions;
  private readonly context: PortContext;

  constructor(serving: Serving, handle: ListenerHandle, context: PortContext) {
    this.handle = handle;
    this.context = context;
    this.options = uwsgiOptions(serving, handle, context);
  }

  readonly make = (wire: OwnedWire): Session & WireOwner => new UwsgiSession(wire, this.options);

  serve(serving: Serving, handle: ListenerHandle): boolean {
    if (!handle.uwsgi) return false;
    this.handle = handle;
    Object.assign(this.options, uwsgiOptions(serving, handle, this.context));
    return true;
  }
}

function uwsgiOptions(serving: Serving, handle: ListenerHandle, context: PortContext): UwsgiSessionOptions {
  const { config } = serving;
  const { bodyRateMin, sendRateMin } = config.server.limits;
  return {
    ...context,
    ...(handle.app === undefined ? gatewayOfSites(serving, handle.key) : gatewayOfApp(serving, handle.app)),
    timeouts: timeoutsOf(config),
    bodyRateMin,
    sendRateMin,
  };
}

type Gateway = Pick<UwsgiSessionOptions, "handler" | "loaded">;

function gatewayOfApp(serving: Serving, name: string): Gateway {
  const { assembly } = serving;
  // The configuration names only apps that there are.
  const app = assembly.apps.get(name) as AssembledApp;
  const handler = counted(bookedTo(assembly.accounts.ofApp(name), app.handler), serving);
  return { handler, loaded: [projectOf(app.config)] };
}

function gatewayOfSites(serving: Serving, key: string): Gateway {
  const { assembly, config } = serving;
  const handler = assembly.handlers.get(key);
  if (handler === undefined) throw new Error(`no site listens on ${key}`);
  const sites = config.sites.filter((site) => listensOn(site, key));
  const led = new Set(sites.flatMap(({ routes }) => routes.flatMap(appsOf)));
  const loaded = config.apps.filter(({ name }) => led.has(name)).map(projectOf);
  return { handler: counted(handler, serving), loaded };
}

function appsOf({ target, fallback }: RouteConfig): string[] {
  const otherwise = fallback?.otherwise;
  const targets = otherwise?.kind === "target" ? [target, otherwise.target] : [target];
  return targets.flatMap((each) => (each.kind === "app" ? [each.app] : []));
}

function projectOf({ root, wsgi, python, env }: AppConfig): LoadedProject {
  return { root, wsgi, python, env };
}

/** A gateway reaches no site. */
function bookedTo(account: Account, handler: Handler): Handler {
  return (exchange) => {
    exchange.account = account;
    handler(exchange);
  };
}

function counted(handler: Handler, serving: Serving): Handler {
  return (exchange: Exchange) => {
    exchange.tenancy = serving;
    serving.users++;
    handler(exchange);
  };
}

function timeoutsOf({ server: { limits } }: Config): SessionOptions["timeouts"] {
  return {
    headerMs: limits.headerTimeoutMs,
    bodyMs: limits.bodyTimeoutMs,
    sendMs: limits.sendTimeoutMs,
    keepaliveMs: limits.keepaliveTimeoutMs,
  };
}
