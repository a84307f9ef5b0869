/**
 * The app channels of a front, by the number of the app's pool: those of the configuration that is served, those of one that
 * is being prepared, and old ones whose last requests are under way.
 *
 *     prepared ──▶ served ──▶ retiring ──▶ closed, when nothing is in it any more
 *         └────────────────────────────────▲      the configuration was not taken
 */
import { AppChannel, type ChannelOptions } from "../apps/channel.ts";
import { type AppMessage, descriptorIn } from "../apps/messages.ts";
import type { Log } from "../base/log.ts";
import { closeDescriptor } from "../os/sockets.ts";

interface Retiring {
  readonly channel: AppChannel;
  /** Some request may still be on its way into it. */
  readonly isUsed: () => boolean;
}

export class Channels {
  private readonly channels = new Map<number, AppChannel>();
  private readonly retiring = new Map<number, Retiring>();
  private readonly log: Log;
  private readonly retired: (pool: number) => void;

  /** `retired`: a channel was closed for which nobody has any use. */
  constructor(log: Log, retired: (pool: number) => void) {
    this.log = log;
    this.retired = retired;
  }

  /** The channel of a pool, made if it is not there. Pools never change: other options are another pool. */
  of(pool: number, options: ChannelOptions): AppChannel {
    const channel = this.channels.get(pool) ?? new AppChannel(options, this.log);
    this.channels.set(pool, channel);
    return channel;
  }

  receive(pool: number, message: AppMessage): void {
    const channel = this.channels.get(pool);
    if (channel !== undefined) return channel.receiveMessage(message);
    const fd = descriptorIn(message);
    if (fd !== undefined) closeDescriptor(fd);
  }

  /** Channels whose pools are not among `stay`: no new request goes to them, those that are under way come to their end. */
  keepOnly(stay: ReadonlySet<number>, isUsed: () => boolean): void {
    for (const [pool, channel] of this.channels)
      if (!stay.has(pool) && !this.retiring.has(pool)) this.retiring.set(pool, { channel, isUsed });
    this.look();
  }

  /** Of a configuration that was not taken: nobody has sent anything. `stay`: of the one that is served. */
  forgetPrepared(stay: ReadonlySet<number>): void {
    for (const pool of this.channels.keys()) if (!stay.has(pool) && !this.retiring.has(pool)) this.close(pool);
  }

  private close(pool: number): void {
    this.channels.get(pool)?.close();
    this.channels.delete(pool);
  }

  /** Now and then: closes old channels that are empty. */
  look(): void {
    for (const [pool, { channel, isUsed }] of this.retiring) {
      if (isUsed() || channel.waiting + channel.running > 0) continue;
      this.retiring.delete(pool);
      this.close(pool);
      this.retired(pool);
    }
  }

  closeAll(): void {
    this.retiring.clear();
    for (const pool of this.channels.keys()) this.close(pool);
  }
}
