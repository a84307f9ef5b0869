/** The configurations of a front, one after the other: which new requests meet, which is made ready, and what is left of old
 *  ones. Nothing of an old one ends before its last exchange has; those at upstreams it had for itself have a bound. */
import { monotonicMs } from "../base/clock.ts";
import type { Upstream } from "../proxy/upstream.ts";
import type { Assembly } from "./assemble.ts";
import type { Channels } from "./channels.ts";
import type { Setup } from "./messages.ts";
import { type Left, Serving } from "./serving.ts";
import { UpstreamDrain } from "./upstream-drain.ts";

interface Old {
  readonly serving: Serving;
  /** Of upstreams that its successors have no use for, and of routes to others. */
  readonly drains: Set<UpstreamDrain>;
}

export class Generations {
  current: Serving;
  private prepared: Serving | undefined;
  /** The oldest first. */
  private old: Old[] = [];
  private readonly assemble: (setup: Setup, before: Assembly | undefined) => Assembly;
  private readonly channels: Channels;

  /** `assemble` throws when the setup cannot be served. */
  constructor(first: Setup, assemble: Generations["assemble"], channels: Channels) {
    this.assemble = assemble;
    this.channels = channels;
    this.current = new Serving(first, assemble(first, undefined));
    this.current.begin();
  }

  /** Throws when it cannot be served; then nothing has changed. */
  prepare(setup: Setup): void {
    this.discard();
    this.prepared = new Serving(setup, this.assemble(setup, this.current.assembly), this.current);
  }

  /** Also what a preparation that failed has left. */
  discard(): void {
    this.prepared = undefined;
    this.channels.forgetPrepared(this.current.pools);
  }

  /** What was prepared is what new requests meet. Returns what they met before. */
  change(): Serving {
    const before = this.current;
    if (this.prepared === undefined) return before;
    this.current = this.prepared;
    this.prepared = undefined;
    this.old.push({ serving: before, drains: drainsOf(before, this.current.begin()) });
    this.channels.keepOnly(this.current.pools, () => before.users > 0);
    return before;
  }

  /** Now and then: what is to be broken off of old ones, what can be closed? */
  look(): void {
    this.channels.look();
    const nowMs = monotonicMs();
    let isInUse = false;
    for (const { serving, drains } of this.old) {
      for (const drain of drains) drain.look(nowMs);
      // An exchange that began with this one, or before it, may still come to ask an upstream of it.
      isInUse ||= serving.users > 0;
      if (!isInUse) for (const drain of drains) if (drain.isOver) drains.delete(drain);
    }
    this.old = this.old.filter(({ serving, drains }) => serving.users > 0 || drains.size > 0);
  }

  /** Of the current one, and of old ones what is left. */
  upstreams(): Upstream[] {
    const left = this.old.flatMap(({ drains }) => [...drains].map(({ upstream }) => upstream));
    return [...new Set([...this.current.assembly.upstreams, ...left])];
  }

  close(): void {
    this.channels.closeAll();
    for (const upstream of this.upstreams()) upstream.close();
  }
}

/** Of a route to an upstream that is left as well there is nothing more to say. */
function drainsOf(before: Serving, { upstreams, routes }: Left): Set<UpstreamDrain> {
  const nowMs = monotonicMs();
  // No checks of their health any more, no connections in reserve; what is under way goes on.
  for (const upstream of upstreams) upstream.close();
  const others = routes.filter(({ upstream }) => !upstreams.includes(upstream));
  const drain = (upstream: Upstream, route?: object) =>
    new UpstreamDrain(upstream, route, before.drainTimeoutMs(upstream.name), nowMs);
  return new Set([
    ...upstreams.map((upstream) => drain(upstream)),
    ...others.map((route) => drain(route.upstream, route)),
  ]);
}
