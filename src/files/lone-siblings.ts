/**
 * Siblings without an original: `site.css.gz` where there is no `site.css`, sent to who asks for that and takes gzip (nginx: gzip_static
 * does it, too). The name decides the type, as if the file were there. Who takes none of what there is gets 404, with Vary.
 *
 * They are looked for when all else has failed, and opened for each request with every check. To look for each name costs three times
 * what the file itself did. So where much is asked for that is not there, the directory is read instead, and what was in it is believed as
 * long as files are (`cache_revalidate`): nothing, as a rule, and 404 costs what it would without this.
 */
import { EMPTY } from "../base/bytes.ts";
import { monotonicMs, wallMs } from "../base/clock.ts";
import { answer } from "../exchange/canned.ts";
import { type ContentCoding, Negotiator } from "../exchange/content-coding.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { readEntries } from "../os/directory.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { Fields } from "../protocol/http/fields.ts";
import { CACHED_FILE_BYTES_MAX } from "./cache.ts";
import type { OpenedFile, Opener } from "./open.ts";
import { OpenFile } from "./open-files.ts";
import { passingRoom, sendSelection } from "./passing.ts";
import { EXTENSIONS_OF_SIBLINGS } from "./precompressed.ts";
import { RETRY_AFTER, takeWhole } from "./read-whole.ts";
import type { Representation } from "./representation.ts";
import { select } from "./select.ts";
import { sendFile } from "./transfer.ts";
import type { YoungFiles } from "./young-files.ts";

/** A directory is read when so many names were looked for within the time that it is believed: to read one of 200 takes as long. */
const MISSES_MAX = 16;

/** Larger ones are not read: all others would wait for more than 1 ms. */
const ENTRIES_MAX = 2000;

/** Directories that are remembered; then it begins anew. */
const DIRECTORIES_MAX = 64;

/** `unacceptable` there are some, and the client takes none of them. It is for the caller to answer, as is `none`. */
export type LoneOutcome = "answered" | "unacceptable" | "none";

export interface LoneOptions {
  readonly opener: Opener;
  /** In our order of preference. */
  readonly codings: readonly ContentCoding[];
  readonly revalidateMs: number;
  readonly rangesMax: number;
  readonly young: YoungFiles | undefined;
  /** Answers a request that has waited for one, from the beginning. */
  readonly again: Handler;
  /** As if it were the file `rest` itself. */
  readonly describe: (file: OpenedFile, rest: string) => Representation;
}

interface Directory {
  /** Believed from then on; base/clock monotonicMs. */
  readonly ms: number;
  misses: number;
  /** Siblings without an original, once it was read. */
  names: ReadonlySet<string> | undefined;
}

export class LoneSiblings {
  private readonly options: LoneOptions;
  /** There is no identity to be preferred. */
  private readonly negotiator: Negotiator;
  /** By their paths, with the slash. */
  private readonly directories = new Map<string, Directory>();

  constructor(options: LoneOptions) {
    this.options = options;
    this.negotiator = new Negotiator(options.codings, false);
  }

  /** Of a GET or HEAD for the file `rest`, which is not there. */
  serve(exchange: Exchange, rest: string): LoneOutcome {
    const there = this.codingsOf(rest);
    if (there.length === 0) return "none";
    for (const coding of this.negotiator.ranked(exchange.head.fields))
      if (there.includes(coding) && this.answers(exchange, rest, coding)) return "answered";
    return "unacceptable";
  }

  /** Of which codings there is something by the name: it need be no file. */
  codingsOf(rest: string): readonly ContentCoding[] {
    const { opener, codings } = this.options;
    const slash = rest.lastIndexOf("/");
    const names = slash === -1 ? undefined : this.namesIn(rest.slice(0, slash + 1));
    if (names === undefined) return opener.present(rest, EXTENSIONS_OF_SIBLINGS, codings);
    if (names.size === 0) return NO_CODINGS;
    const name = rest.slice(slash + 1);
    return codings.filter((coding) => names.has(name + EXTENSIONS_OF_SIBLINGS[coding]));
  }

  /** Undefined: it is to be looked for each name. */
  private namesIn(path: string): ReadonlySet<string> | undefined {
    const nowMs = monotonicMs();
    const { revalidateMs } = this.options;
    if (revalidateMs === 0) return undefined;
    const known = this.directories.get(path);
    if (known === undefined || nowMs - known.ms >= revalidateMs) {
      if (this.directories.size >= DIRECTORIES_MAX) this.directories.clear();
      // It is a slice that keeps a whole request head in memory.
      this.directories.set(Buffer.from(path, "latin1").latin1Slice(), { ms: nowMs, misses: 1, names: undefined });
      return undefined;
    }
    if (known.misses++ === MISSES_MAX) known.names = this.read(path);
    return known.names;
  }

  private read(path: string): ReadonlySet<string> | undefined {
    const fd = this.options.opener.openDirectory(path);
    // Nor can be opened what is in it.
    if (fd === undefined) return new Set();
    try {
      const { entries, complete } = readEntries(fd, ENTRIES_MAX);
      return complete ? this.lonely(new Set(entries.map(({ name }) => name))) : undefined;
    } catch {
      return undefined;
    } finally {
      closeDescriptor(fd);
    }
  }

  private lonely(names: ReadonlySet<string>): ReadonlySet<string> {
    const extensions = this.options.codings.map((coding) => EXTENSIONS_OF_SIBLINGS[coding]);
    const isLonely = (name: string) =>
      extensions.some((each) => name.endsWith(each) && !names.has(name.slice(0, -each.length)));
    return new Set([...names].filter(isLonely));
  }

  private answers(exchange: Exchange, rest: string, coding: ContentCoding): boolean {
    const { opener, young, again, describe } = this.options;
    const name = rest + EXTENSIONS_OF_SIBLINGS[coding];
    const file = opener.open(name);
    if (file.kind !== "file") return false;
    const { fd, stats } = file;
    const isAwaited = young?.ageFor(exchange, stats, again) === "awaited";
    if (isAwaited || stats.size === 0) {
      closeDescriptor(fd);
      return isAwaited;
    }
    const representation = describe(file, rest).encoded(stats, { coding, length: undefined }, wallMs());
    this.send(exchange, file, representation, opener.pathOf(name));
    return true;
  }

  private send(exchange: Exchange, file: OpenedFile, representation: Representation, place: string): void {
    const { reply, head } = exchange;
    const selection = select(exchange, representation, this.options.rangesMax);
    if (selection === undefined || head.method === "HEAD") {
      closeDescriptor(file.fd);
      if (selection !== undefined) reply.whole(selection.head, EMPTY);
      return;
    }
    if (file.stats.size > CACHED_FILE_BYTES_MAX)
      return sendFile(reply, new OpenFile(file.fd, file.stats, place), selection);
    const room = passingRoom();
    if (takeWhole(file, room.content, 0)) sendSelection(reply, selection, room);
    else answer(exchange, 503, RETRY_AFTER);
  }
}

/** Of a 404 to who takes none of them. */
export const UNACCEPTABLE = Fields.of([["Vary", "Accept-Encoding"]]);

const NO_CODINGS: readonly ContentCoding[] = [];
