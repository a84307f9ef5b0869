/** The configurations of a front, one after the other: which new requests meet, which is made ready, and what is left of old
 *  ones. Nothing of an old one ends before its last exchange has. */
import type { Upstream } from "../proxy/upstream.ts";
import type { Assembly } from "./assemble.ts";
import type { Channels } from "./channels.ts";
import type { Setup } from "./messages.ts";
import { Serving } from "./serving.ts";

interface Old {
  readonly serving: Serving;
  /** That its successors have no use for. */
  readonly upstreams: Set<Upstream>;
}

export class Generations {
  current: Serving;
  private prepared: Serving | undefined;
  private readonly old: Old[] = [];
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
    const left = this.current.begin();
    // No checks of their health any more, no connections in reserve; what is under way goes on.
    for (const upstream of left) upstream.close();
    this.old.push({ serving: before, upstreams: new Set(left) });
    this.channels.keepOnly(this.current.pools, () => before.users > 0);
    this.look();
    return before;
  }

  /** Now and then: what can be closed of old ones? */
  look(): void {
    this.channels.look();
    for (const [at, { serving, upstreams }] of [...this.old.entries()].toReversed()) {
      if (serving.users > 0) continue;
      for (const upstream of upstreams) if (upstream.close()) upstreams.delete(upstream);
      if (upstreams.size === 0) this.old.splice(at, 1);
    }
  }

  /** Of the current one, and of old ones what is left. */
  upstreams(): Upstream[] {
    return [...this.current.assembly.upstreams, ...this.old.flatMap(({ upstreams }) => [...upstreams])];
  }

  close(): void {
    this.channels.closeAll();
    for (const upstream of this.upstreams()) upstream.close();
  }
}
