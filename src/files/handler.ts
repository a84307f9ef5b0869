/**
 * The handler of `files` routes: static files below a directory, or one single file: at the one path of its route
 * (`"/robots.txt"`), or whatever the path is (`"= /favicon.ico"`, an expression, or a prefix that ends with a slash, such as
 * `"/"` for a page of maintenance). What is hot and small comes from memory (cache.ts), what is large is streamed (transfer.ts).
 *
 *   /dir    a directory: 301 to /dir/, on this host       /dir/   its first index file, else its listing, else 404
 *
 * There is no listing unless it is asked for, and a directory without an index is 404 (nginx: 403), since a client has no
 * business to know that it exists.
 */
import { EMPTY } from "../base/bytes.ts";
import { monotonicMs, wallMs } from "../base/clock.ts";
import { SILENT } from "../base/log.ts";
import { answer } from "../exchange/canned.ts";
import { CompressedReply } from "../exchange/compress.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { lastly } from "../exchange/reply.ts";
import { isUnchanged } from "../os/file-stat.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { pathBelow } from "./below.ts";
import { type CachedFile, type CacheEntry, CACHED_FILE_BYTES_MAX, FileCache, isSameFile, type Shelf } from "./cache.ts";
import { redirectToDirectory } from "./directory-redirect.ts";
import { chooseForm, compressingReply, type LargeFile, type StreamForm } from "./large-forms.ts";
import { Kind, Kinds } from "./kinds.ts";
import { listDirectory } from "./listing.ts";
import { type LoneOutcome, LoneSiblings, UNACCEPTABLE } from "./lone-siblings.ts";
import { isRead, refuseMethod } from "./methods.ts";
import { contentTypeOf, lastExtensionDecides } from "./mime.ts";
import { DEFAULT_LINK_POLICY, type Opened, type OpenedFile, Opener } from "./open.ts";
import { OpenFile, OpenFiles } from "./open-files.ts";
import type { FilesOptions } from "./options.ts";
import type { FileOutcome, Found } from "./outcome.ts";
import { passingRoom, piecesOf, roomFor, sendSelection, sendWhole } from "./passing.ts";
import { belowMount, hasEncodedSlash, isServable, NO_NAME, pathOfIndex, rootBytes } from "./path.ts";
import { type EncodingOptions, Encodings, EXTENSIONS_OF_SIBLINGS } from "./precompressed.ts";
import { RETRY_AFTER, takeWhole } from "./read-whole.ts";
import { RANGES_MAX } from "../protocol/http/range.ts";
import { Representation } from "./representation.ts";
import { rootKeptMs } from "./root.ts";
import { isPlain, select } from "./select.ts";
import { sendFile } from "./transfer.ts";
import type { Age, YoungFiles } from "./young-files.ts";

/** A small file that changes while it is read is looked at anew, this often. */
const ATTEMPTS_MAX = 3;

/** One look at the disk for one request. */
interface Search {
  readonly exchange: Exchange;
  /** The path below the mount: the key in the cache. */
  readonly rest: string;
  /** What the cache had, too old to be believed. */
  readonly entry: CacheEntry | undefined;
  readonly attempts: number;
  /** Answers the request from the beginning, if it has to wait. */
  readonly again: Handler;
}

interface Located {
  readonly opened: Opened;
  /** The file's own path below the root; of a single file its name. */
  readonly path: string;
}

export function makeFilesHandler(options: FilesOptions): Handler {
  const files = new Files(options);
  return (exchange) => files.handle(exchange);
}

/** Tells the open files of one handler from those of the others. */
let nextHandler = 1;

export class Files {
  readonly absoluteRedirect: boolean;
  private readonly options: FilesOptions;
  private readonly root: string;
  private readonly index: readonly string[];
  private readonly hidden: boolean;
  private readonly rangesMax: number;
  private readonly opener: Opener;
  private readonly shelf: Shelf;
  private readonly openFiles: OpenFiles;
  private readonly young: YoungFiles | undefined;
  /** Answers a request that has waited, from the beginning. */
  private readonly again: Handler;
  private readonly encodings: Encodings;
  private readonly lone: LoneSiblings;
  private readonly kinds = new Kinds((path) => this.kindOf(path));
  private readonly lastDecides: boolean;
  private readonly prefix = `${nextHandler++}:`;

  /** `again`: of who answers "directory" and "missing" in another way than `handle`. */
  constructor(options: FilesOptions, again?: Handler) {
    const { single, links = DEFAULT_LINK_POLICY, log = SILENT, cache = new FileCache() } = options;
    this.options = options;
    this.root = rootBytes(options.root);
    this.index = options.index.map((name) => Buffer.from(name, "utf8").latin1Slice());
    this.hidden = options.hidden ?? false;
    this.absoluteRedirect = options.absoluteRedirect ?? false;
    this.rangesMax = options.rangesMax ?? RANGES_MAX;
    // The one file that the configuration names may be a link to anywhere.
    this.opener = new Opener({
      root: this.root,
      links: single ? "follow" : links,
      log,
      rootKeptMs: rootKeptMs(cache.revalidateMs),
    });
    this.shelf = cache.shelf();
    this.openFiles = options.openFiles ?? new OpenFiles();
    this.lastDecides = lastExtensionDecides(options.types);
    this.young = options.young;
    this.again = again ?? ((exchange) => this.handle(exchange));
    this.encodings = new Encodings(options.encoding ?? AS_IT_IS, this.opener, options.young);
    this.lone = new LoneSiblings({
      opener: this.opener,
      codings: options.encoding?.siblings ?? [],
      revalidateMs: cache.revalidateMs,
      rangesMax: this.rangesMax,
      young: options.young,
      again: this.again,
      describe: (file, rest) => this.describe(file, rest === "" ? this.root : rest),
    });
  }

  handle(exchange: Exchange): void {
    if (!isRead(exchange.head.method)) return refuseMethod(exchange);
    const rest = this.restOf(exchange);
    switch (this.serve(exchange, rest)) {
      case "answered":
        return;
      case "directory":
        return this.enter(exchange, rest);
      case "missing":
        return this.answerMissing(exchange, rest);
    }
  }

  private answerMissing(exchange: Exchange, rest: string): void {
    const outcome = this.serveLone(exchange, rest);
    if (outcome !== "answered") answer(exchange, 404, outcome === "unacceptable" ? UNACCEPTABLE : undefined);
  }

  /** Answers a GET or HEAD for a name that is `missing` with a sibling, if there is one. */
  serveLone(exchange: Exchange, rest: string): LoneOutcome {
    return this.mayBeLone(rest) ? this.lone.serve(exchange, rest) : "none";
  }

  /** The siblings of a file that is not there. */
  findLone(rest: string): readonly string[] {
    return this.mayBeLone(rest) ? this.lone.codingsOf(rest).map((coding) => rest + EXTENSIONS_OF_SIBLINGS[coding]) : [];
  }

  private mayBeLone(rest: string): boolean {
    if (!this.encodings.hasSiblings || rest.endsWith("/") || (rest === "" && !this.options.single)) return false;
    return this.kindFor(rest === "" ? this.root : rest).varies && isServable(rest, this.hidden);
  }

  /** A path that has the slash already cannot be sent there: a template has named the directory without it. */
  private enter(exchange: Exchange, rest: string): void {
    if (!exchange.head.path.endsWith("/")) return redirectToDirectory(exchange, this.absoluteRedirect);
    if (this.serve(exchange, `${rest}/`) !== "answered") answer(exchange, 404);
  }

  /** The name below the root that a request is for: "" or beginning with `/`; or NO_NAME. */
  restOf(exchange: Exchange): string {
    const { single, nothingBelow, below } = this.options;
    if (single && nothingBelow !== true) return "";
    if (hasEncodedSlash(exchange.head)) return NO_NAME;
    return below === undefined ? belowMount(exchange.head.path, exchange.mount) : pathBelow(below, exchange);
  }

  /** Answers a GET or HEAD with the file of this name, if there is one. */
  serve(exchange: Exchange, rest: string, again: Handler = this.again): FileOutcome {
    const entry = this.shelf.get(rest);
    if (entry !== undefined && (this.shelf.isFresh(entry, monotonicMs()) || this.isStill(entry, rest))) {
      this.sendCached(exchange, entry);
      return "answered";
    }
    if (entry === undefined && this.servedOpen(exchange, rest)) return "answered";
    if (!isServable(rest, this.hidden)) return "missing";
    return this.look({ exchange, rest, entry, attempts: ATTEMPTS_MAX, again });
  }

  /** Would `serve` answer? */
  has(rest: string): boolean {
    const { kind } = this.find(rest);
    return kind === "file" || kind === "listing";
  }

  /** What `serve` would find. */
  find(rest: string): Found {
    if (!isServable(rest, this.hidden)) return { kind: "none", name: rest };
    const { opened, path } = this.locate(rest);
    if (opened.kind === "directory") return { kind: "directory", name: rest };
    if (opened.kind !== "file")
      return { kind: rest.endsWith("/") && this.lists(rest) ? "listing" : "none", name: rest };
    closeDescriptor(opened.fd);
    return { kind: "file", name: rest.endsWith("/") ? path : rest };
  }

  /** Of a directory's index it is to be seen, too, whether another one comes before it now. */
  private isStill(entry: CacheEntry, rest: string): boolean {
    if (!entry.settled || rest.endsWith("/") || !this.opener.isStill(rest, entry.stats)) return false;
    if (!this.isKeptAsBefore(entry, rest)) return false;
    entry.checkedMs = this.opener.seenMs;
    return true;
  }

  // ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────

  private look(search: Search): FileOutcome {
    const { exchange, entry, rest } = search;
    const { opened, path } = this.locate(rest);
    if (opened.kind === "file") return this.found(search, opened, path);
    if (entry !== undefined) this.shelf.remove(entry);
    if (this.openFiles.size > 0) this.openFiles.drop(this.prefix + rest);
    if (opened.kind === "directory") return "directory";
    if (opened.status === 404) return this.list(exchange, rest);
    answer(exchange, opened.status, opened.status === 503 ? RETRY_AFTER : undefined);
    return "answered";
  }

  private locate(rest: string): Located {
    if (!rest.endsWith("/")) return { opened: this.opener.open(rest), path: rest === "" ? this.root : rest };
    for (const name of this.index) {
      const path = rest + name;
      const opened = this.opener.open(path);
      if (opened.kind === "file" || (opened.kind === "refused" && opened.status !== 404)) return { opened, path };
    }
    return NOTHING;
  }

  private found(search: Search, file: OpenedFile, path: string): FileOutcome {
    const { exchange, rest, entry } = search;
    if (entry !== undefined && isSameFile(entry, file.stats) && this.isKeptAsBefore(entry, path)) {
      closeDescriptor(file.fd);
      entry.checkedMs = this.opener.seenMs;
      this.sendCached(exchange, entry);
      return "answered";
    }
    if (entry !== undefined) this.shelf.remove(entry);
    const age = this.ageFor(search, file);
    if (age === "awaited") return "answered";
    const isYoung = age === "young";
    const { size } = file.stats;
    if (size > CACHED_FILE_BYTES_MAX) return this.foundLarge(search, file, path, isYoung);
    const representation = this.describe(file, path);
    if (!this.shelf.admits(rest, size) && !this.encodings.mayChoose(exchange))
      return this.foundPassing(search, file, representation);
    const kept = roomFor(representation);
    if (!takeWhole(file, kept.bytes, kept.contentAt)) return this.lookAgain(search);
    representation.head.kept = kept;
    const read = { representation, content: kept, stats: file.stats, path: pathOfIndex(rest, path) };
    this.sendCached(exchange, this.shelf.put(rest, read, isYoung ? NEVER_MS : this.opener.seenMs));
    return "answered";
  }

  /** May it be being written? Closed, if it is looked for again later. */
  private ageFor({ exchange, entry, again }: Search, { fd, stats }: OpenedFile): Age {
    const isKnown = entry !== undefined && entry.checkedMs !== NEVER_MS && isUnchanged(entry.stats, stats);
    const age = this.young?.ageFor(exchange, stats, again, isKnown) ?? "settled";
    if (age === "awaited") closeDescriptor(fd);
    return age;
  }

  private foundPassing(search: Search, file: OpenedFile, representation: Representation): FileOutcome {
    const { exchange } = search;
    const room = passingRoom();
    if (!takeWhole(file, room.content, 0)) return this.lookAgain(search);
    if (isPlain(exchange.head.fields) && exchange.headerRules === undefined) {
      sendWhole(exchange.reply, representation, room);
      return "answered";
    }
    const selection = select(exchange, representation, this.rangesMax);
    if (selection !== undefined) sendSelection(exchange.reply, selection, room);
    return "answered";
  }

  /** A new manifest may say otherwise of a file that is as it was. */
  private isKeptAsBefore({ representation }: Pick<CacheEntry, "representation">, path: string): boolean {
    return representation.cacheControl === this.options.cachePolicy?.of(path);
  }

  private lookAgain(search: Search): FileOutcome {
    const { exchange, attempts } = search;
    if (attempts > 1) return this.look({ ...search, entry: undefined, attempts: attempts - 1 });
    answer(exchange, 503, RETRY_AFTER);
    return "answered";
  }

  /** What may be being written is sent this once, and a change that is seen breaks it off. */
  private foundLarge({ exchange, rest }: Search, opened: OpenedFile, path: string, isYoung: boolean): FileOutcome {
    const key = this.prefix + rest;
    const known = this.openFiles.renew(key, opened.stats);
    if (known !== undefined && this.isKeptAsBefore(known, path)) {
      closeDescriptor(opened.fd);
      known.file.retain();
      this.sendLarge(exchange, { ...known, rest });
      return "answered";
    }
    const file = new OpenFile(opened.fd, opened.stats, this.opener.pathOf(rest === "" ? rest : path));
    const representation = this.describe(opened, path);
    if (!isYoung) this.openFiles.put(key, file, representation, pathOfIndex(rest, path));
    this.sendLarge(exchange, { representation, file, rest, path: pathOfIndex(rest, path) });
    return "answered";
  }

  private servedOpen(exchange: Exchange, rest: string): boolean {
    if (this.openFiles.size === 0) return false;
    const known = this.openFiles.get(this.prefix + rest);
    if (known === undefined) return false;
    known.file.retain();
    this.sendLarge(exchange, { ...known, rest });
    return true;
  }

  private describe(file: OpenedFile, path: string): Representation {
    const { cachePolicy } = this.options;
    const kind = this.kindFor(path);
    return new Representation(file.stats, kind.optionsOf(cachePolicy?.of(path), this.rangesMax > 0), wallMs());
  }

  private kindFor(path: string): Kind {
    return this.lastDecides ? this.kinds.of(path) : this.kindOf(path);
  }

  private kindOf(path: string): Kind {
    const contentType = contentTypeOf(path, this.options.charset, this.options.types);
    return new Kind(contentType, this.encodings.varies(path, contentType));
  }

  // ── directories ───────────────────────────────────────────────────────────────────────────────────────────────

  private lists(rest: string): boolean {
    const fd = this.options.listing === true ? this.opener.openDirectory(rest) : undefined;
    if (fd !== undefined) closeDescriptor(fd);
    return fd !== undefined;
  }

  private list(exchange: Exchange, rest: string): FileOutcome {
    if (this.options.listing !== true || !rest.endsWith("/")) return "missing";
    const { reply } = exchange;
    const { compression } = this.encodings;
    if (compression !== undefined) exchange.reply = new CompressedReply(exchange, compression);
    if (listDirectory(exchange, this.opener, rest, this.hidden)) return "answered";
    exchange.reply = reply;
    return "missing";
  }

  // ── answering ─────────────────────────────────────────────────────────────────────────────────────────────────

  private sendCached(exchange: Exchange, entry: CacheEntry): void {
    if (isPlain(exchange.head.fields)) return lastly(exchange.reply, entry.head, entry.bytes);
    this.sendBytes(exchange, this.encodings.choose(exchange, entry));
  }

  private sendBytes(exchange: Exchange, { representation, bytes }: CachedFile): void {
    const selection = select(exchange, representation, this.rangesMax);
    if (selection === undefined) return;
    const { head, pieces } = selection;
    if (selection === representation.whole) return exchange.reply.whole(head, bytes);
    exchange.reply.whole(head, piecesOf(pieces, bytes));
  }

  /** One use of the file is given up here, or becomes the transfer's. */
  private sendLarge(exchange: Exchange, large: LargeFile): void {
    const form = chooseForm(exchange, this.encodings, this.shelf, large);
    if (form === undefined) return this.sendOpened(exchange, large.representation, large.file);
    if (form.kind === "stream") return this.sendCompressed(exchange, form, large);
    large.file.release();
    if (form.kind === "made") this.sendBytes(exchange, form.made);
    else this.sendOpened(exchange, form.representation, form.file);
  }

  private sendCompressed(exchange: Exchange, form: StreamForm, large: LargeFile): void {
    const { file, representation } = large;
    const selection = select(exchange, form.representation, this.rangesMax);
    if (selection !== undefined && exchange.head.method === "GET") {
      return sendFile(compressingReply(exchange, form, large, this.shelf), file, representation.whole);
    }
    file.release();
    if (selection !== undefined) exchange.reply.whole(selection.head, EMPTY);
  }

  private sendOpened(exchange: Exchange, representation: Representation, file: OpenFile): void {
    const selection = select(exchange, representation, this.rangesMax);
    if (selection !== undefined && exchange.head.method === "GET") return sendFile(exchange.reply, file, selection);
    file.release();
    if (selection !== undefined) exchange.reply.whole(selection.head, EMPTY);
  }
}

/** What was seen then is believed by nobody. */
const NEVER_MS = -Infinity;
const NOTHING: Located = { opened: { kind: "refused", status: 404 }, path: "" };
const AS_IT_IS: EncodingOptions = { siblings: [], compression: undefined };
