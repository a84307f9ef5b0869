/** Requests that wait for a reply to be read from the disk: one read for all who ask for the same, each bounded in time. */
import type { Exchange } from "../exchange/exchange.ts";
import type { Producer } from "../exchange/reply.ts";
import type { DiskTier } from "./disk.ts";
import type { DiskRecord } from "./disk-index.ts";
import type { CacheEntry } from "./entry.ts";

export interface ReadOwner {
  /** Room for what is read; false when there is none. Negative gives back. */
  reserve(bytes: number): boolean;
  /** Undefined: it could not be read. */
  wasRead(record: DiskRecord, entry: CacheEntry | undefined, exchanges: readonly Exchange[]): void;
}

class Reader implements Producer {
  readonly exchange: Exchange;
  readonly untilMs: number;
  private readonly readers: Set<Reader>;

  constructor(exchange: Exchange, untilMs: number, readers: Set<Reader>) {
    this.exchange = exchange;
    this.untilMs = untilMs;
    this.readers = readers;
    exchange.reply.producer = this;
    readers.add(this);
  }

  /** False: its client is gone. */
  release(): boolean {
    const { reply } = this.exchange;
    this.readers.delete(this);
    if (reply.producer === this) reply.producer = undefined;
    return reply.state === "waiting";
  }

  drained(): void {}

  gone(): void {
    this.readers.delete(this);
  }
}

interface Read {
  readonly readers: Set<Reader>;
  /** Whoever else is to be told. */
  readonly others: (() => void)[];
}

export class DiskReads {
  private readonly disk: DiskTier;
  private readonly owner: ReadOwner;
  private readonly reads = new Map<DiskRecord, Read>();

  constructor(disk: DiskTier, owner: ReadOwner) {
    this.disk = disk;
    this.owner = owner;
  }

  /** False: it cannot be read now. */
  begin(record: DiskRecord, exchange: Exchange, untilMs: number): boolean {
    const read = this.of(record);
    if (read !== undefined) new Reader(exchange, untilMs, read.readers);
    return read !== undefined;
  }

  /** …for another front; `done` is called when it was read, or could not be. */
  beginFor(record: DiskRecord, done: () => void): boolean {
    const read = this.of(record);
    read?.others.push(done);
    return read !== undefined;
  }

  private of(record: DiskRecord): Read | undefined {
    const known = this.reads.get(record);
    if (known !== undefined) return known;
    if (!this.owner.reserve(record.fileBytes)) return undefined;
    const read = { readers: new Set<Reader>(), others: [] };
    this.reads.set(record, read);
    void this.read(record, read);
    return read;
  }

  private async read(record: DiskRecord, { readers, others }: Read): Promise<void> {
    const entry = await this.disk.load(record).catch(() => undefined);
    this.reads.delete(record);
    this.owner.reserve(-record.fileBytes);
    this.owner.wasRead(record, entry, released([...readers]));
    for (const done of others) done();
  }

  /** A disk that does not answer is no reason to wait longer than for the server. */
  tick(nowMs: number): void {
    for (const [record, { readers }] of this.reads) {
      const late = [...readers].filter(({ untilMs }) => nowMs >= untilMs);
      if (late.length > 0) this.owner.wasRead(record, undefined, released(late));
    }
  }
}

function released(readers: readonly Reader[]): Exchange[] {
  return readers.filter((reader) => reader.release()).map(({ exchange }) => exchange);
}
