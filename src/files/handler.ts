/**
 * The handler of `files` routes: static files below a directory, or one single file whatever the rest of the path is
 * (`"= /favicon.ico"`, or `"/"` for a single-page application). What is hot and small comes from memory (cache.ts),
 * what is large is streamed (transfer.ts).
 *
 *   /dir    a directory: 301 to /dir/, on this host       /dir/   its first index file, else 404
 *
 * There is no listing, and a directory without an index is 404 (nginx: 403), since a client has no business to know that
 * it exists.
 */
import { closeSync, readSync } from "node:fs";
import { EMPTY } from "../base/bytes.ts";
import { monotonicMs, wallMs } from "../base/clock.ts";
import { type Log, SILENT } from "../base/log.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { pathReference, safeTarget } from "../exchange/location.ts";
import { evaluate as evaluateTemplate, type Template } from "../exchange/template.ts";
import { Fields } from "../protocol/http/fields.ts";
import { type CacheEntry, CACHED_FILE_BYTES_MAX, FileCache, isFresh, isSameFile, type Shelf } from "./cache.ts";
import { evaluate, readConditions } from "./conditional.ts";
import { contentTypeOf } from "./mime.ts";
import { type Opened, Opener } from "./open.ts";
import { belowMount, isServable, rootBytes } from "./path.ts";
import { chooseRange } from "./range.ts";
import { Representation, type Span } from "./representation.ts";
import { sendFile } from "./transfer.ts";

export interface FilesOptions {
  /** Directory or file, absolute. */
  readonly root: string;
  /** `root` is the one file to serve. */
  readonly single: boolean;
  /** The path below `root`, beginning with `/`; undefined: that of the request below its mount. */
  readonly below?: Template | undefined;
  /** Names tried in a directory, in order. */
  readonly index: readonly string[];
  readonly cacheControl: string | undefined;
  /** Added to textual types. */
  readonly charset: string | undefined;
  /** Shared by the handlers of a thread, so that it bounds them together; default: one of its own. */
  readonly cache?: FileCache;
  readonly log?: Log;
}

/** A small file that changes size while it is read is looked at anew, this often. */
const ATTEMPTS_MAX = 3;

type OpenedFile = Extract<Opened, { kind: "file" }>;

/** One look at the disk for one request. */
interface Search {
  readonly exchange: Exchange;
  /** The path below the mount: the key in the cache. */
  readonly rest: string;
  /** What the cache had, too old to be believed. */
  readonly entry: CacheEntry | undefined;
  readonly attempts: number;
}

interface Located {
  readonly opened: Opened;
  /** The file name that decides the type. */
  readonly name: string;
}

export function makeFilesHandler(options: FilesOptions): Handler {
  const files = new Files(options);
  return (exchange) => files.handle(exchange);
}

/** What became of a name: `directory` and `missing` are for the caller to answer. */
export type FileOutcome = "answered" | "directory" | "missing";

export class Files {
  private readonly options: FilesOptions;
  private readonly root: string;
  private readonly index: readonly string[];
  private readonly opener: Opener;
  private readonly shelf: Shelf;

  constructor(options: FilesOptions) {
    this.options = options;
    this.root = rootBytes(options.root);
    this.index = options.index.map((name) => Buffer.from(name, "utf8").latin1Slice());
    this.opener = new Opener(this.root, !options.single, options.log ?? SILENT);
    this.shelf = (options.cache ?? new FileCache()).shelf();
  }

  handle(exchange: Exchange): void {
    const { head } = exchange;
    if (head.method !== "GET" && head.method !== "HEAD") return answer(exchange, 405, ALLOW);
    switch (this.serve(exchange, this.restOf(exchange))) {
      case "answered":
        return;
      case "directory":
        return redirectToDirectory(exchange);
      case "missing":
        return answer(exchange, 404);
    }
  }

  /** The name below the root that a request is for: "" or beginning with `/`. */
  restOf(exchange: Exchange): string {
    return this.options.single ? "" : this.pathBelow(exchange);
  }

  /** Answers a GET or HEAD with the file of this name, if there is one. */
  serve(exchange: Exchange, rest: string): FileOutcome {
    const entry = this.shelf.get(rest);
    if (entry !== undefined && isFresh(entry, monotonicMs())) {
      sendCached(exchange, entry);
      return "answered";
    }
    return isServable(rest) ? this.look({ exchange, rest, entry, attempts: ATTEMPTS_MAX }) : "missing";
  }

  /** Would `serve` find a file? */
  has(rest: string): boolean {
    if (!isServable(rest)) return false;
    const { opened } = this.locate(rest);
    if (opened.kind === "file") closeSync(opened.fd);
    return opened.kind === "file";
  }

  /** What a template makes of a request is judged like any path (isServable): `..` in a capture leads nowhere. */
  private pathBelow(exchange: Exchange): string {
    const { below } = this.options;
    return below === undefined ? belowMount(exchange.head.path, exchange.mount) : evaluateTemplate(below, exchange);
  }

  // ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────

  private look(search: Search): FileOutcome {
    const { exchange, entry } = search;
    const { opened, name } = this.locate(search.rest);
    if (opened.kind === "file") return this.found(search, opened, name);
    if (entry !== undefined) this.shelf.remove(entry);
    if (opened.kind === "directory") return "directory";
    if (opened.status === 404) return "missing";
    answer(exchange, opened.status, opened.status === 503 ? RETRY_AFTER : undefined);
    return "answered";
  }

  private locate(rest: string): Located {
    if (!rest.endsWith("/")) return { opened: this.opener.open(rest), name: rest === "" ? this.root : rest };
    for (const name of this.index) {
      const opened = this.opener.open(rest + name);
      if (opened.kind === "file" || (opened.kind === "refused" && opened.status !== 404)) return { opened, name };
    }
    return NOTHING;
  }

  private found(search: Search, file: OpenedFile, name: string): FileOutcome {
    const { exchange, rest, entry } = search;
    if (entry !== undefined && isSameFile(entry, file.stats)) {
      closeSync(file.fd);
      entry.checkedMs = monotonicMs();
      sendCached(exchange, entry);
      return "answered";
    }
    if (entry !== undefined) this.shelf.remove(entry);
    const representation = this.describe(file, name);
    if (representation.size > CACHED_FILE_BYTES_MAX) {
      sendOpened(exchange, representation, file.fd);
      return "answered";
    }
    const bytes = takeWhole(file.fd, representation.size);
    if (bytes === undefined) return this.lookAgain(search);
    sendCached(exchange, this.shelf.put(rest, { representation, bytes, stats: file.stats }, monotonicMs()));
    return "answered";
  }

  private lookAgain({ exchange, rest, attempts }: Search): FileOutcome {
    if (attempts > 1) return this.look({ exchange, rest, entry: undefined, attempts: attempts - 1 });
    answer(exchange, 503, RETRY_AFTER);
    return "answered";
  }

  private describe(file: OpenedFile, name: string): Representation {
    const { cacheControl, charset } = this.options;
    return new Representation(file.stats, { cacheControl, contentType: contentTypeOf(name, charset) }, wallMs());
  }
}

export const ALLOW = Fields.of([["Allow", "GET, HEAD"]]);
const RETRY_AFTER = Fields.of([["Retry-After", "1"]]);
const NOTHING: Located = { opened: { kind: "refused", status: 404 }, name: "" };

/** Reads all of a small file and closes it; undefined when it is not what fstat said. */
function takeWhole(fd: number, size: number): Buffer | undefined {
  const bytes = size === 0 ? EMPTY : Buffer.allocUnsafeSlow(size);
  try {
    for (let done = 0; done < size;) {
      const got = readSync(fd, bytes, done, size - done, done);
      if (got === 0) return undefined;
      done += got;
    }
    return bytes;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

// ── answering ─────────────────────────────────────────────────────────────────────────────────────────────────────

function sendCached(exchange: Exchange, entry: CacheEntry): void {
  const span = decide(exchange, entry.representation);
  if (span === undefined) return;
  const { bytes } = entry;
  const part = span.length === bytes.length ? bytes : bytes.subarray(span.first, span.first + span.length);
  exchange.reply.whole(span.head, part);
}

/** The descriptor is closed here or becomes the transfer's. */
function sendOpened(exchange: Exchange, representation: Representation, fd: number): void {
  const span = decide(exchange, representation);
  if (span !== undefined && exchange.head.method === "GET") return sendFile(exchange.reply, fd, span);
  closeSync(fd);
  if (span !== undefined) exchange.reply.whole(span.head, EMPTY);
}

/** What of the file is to be sent; undefined when the answer needs none of it and has been given. */
function decide(exchange: Exchange, representation: Representation): Span | undefined {
  const { head, reply } = exchange;
  const conditions = readConditions(head.fields);
  switch (evaluate(conditions, representation, head.method, wallMs())) {
    case "whole":
      return representation.whole;
    case "ranged":
      return decideRange(exchange, representation, conditions.range ?? "");
    case "not-modified":
      reply.whole(representation.notModified(), EMPTY);
      return undefined;
    case "failed":
      answer(exchange, 412);
      return undefined;
  }
}

function decideRange(exchange: Exchange, representation: Representation, range: string): Span | undefined {
  const choice = chooseRange(range, representation.size);
  switch (choice.kind) {
    case "whole":
      return representation.whole;
    case "part":
      return representation.partial(choice.first, choice.last);
    case "unsatisfiable":
      answer(exchange, 416, Fields.of([["Content-Range", `bytes */${representation.size}`]]));
      return undefined;
  }
}

/** Built from the path that was looked up, not from the one that was sent: `//evil/..` must not become a host. */
export function redirectToDirectory(exchange: Exchange): void {
  const { path, query } = exchange.head;
  const location = `${pathReference(path)}/${query === undefined ? "" : `?${safeTarget(query)}`}`;
  answer(exchange, 301, Fields.of([["Location", location]]));
}
