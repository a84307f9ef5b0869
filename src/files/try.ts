/**
 * Directories of files in which several names are tried before giving up (nginx: try_files). Names are below a directory;
 * in them `$uri` is what the request asks for there, without the route's prefix. Of several directories the first that has
 * the name answers, and all of them are looked into before the next name is tried.
 *
 *   $uri        that file, no directory      /index.html   this one, whatever was asked for
 *   $uri/       the index of that directory; without the slash in the request: 301 to it
 *
 * Unlike nginx a directory counts only when it has an index, and the last name is no special case: what happens when there
 * is none of the files is the handler `otherwise`. As with nginx a name of `try` is that of a file: who has only encoded forms
 * of it (lone-siblings.ts) has none, or the same path would be two things, by what a client takes. Other methods than GET and HEAD find the same files, and are 405 there.
 */
import { answer } from "../exchange/canned.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import type { Fields } from "../protocol/http/fields.ts";
import { redirectToDirectory } from "./directory-redirect.ts";
import { Files, makeFilesHandler } from "./handler.ts";
import { UNACCEPTABLE } from "./lone-siblings.ts";
import { isRead, refuseMethod } from "./methods.ts";
import type { FilesOptions } from "./options.ts";
import { joinPaths } from "./path.ts";

export interface TryOptions {
  readonly directories: readonly FilesOptions[];
  readonly candidates: readonly string[];
  readonly otherwise: Handler;
}

export interface Tried {
  /** The directory, as the options name it. */
  readonly root: string;
  /** Below the directory. */
  readonly name: string;
  /** `redirect`: a directory, to whose slash the client is sent; `sibling`: without an original. */
  readonly kind: "file" | "listing" | "redirect" | "sibling" | "none";
}

const URI = "$uri";

/** Beside `otherwise` alone, and of several directories: what one directory serves by itself. */
export const AS_ASKED: readonly string[] = [URI, `${URI}/`];

export function makeTryHandler({ directories, candidates, otherwise }: TryOptions): Handler {
  return makeTrier(directories, candidates, otherwise);
}

function makeTrier(
  options: readonly FilesOptions[],
  names: readonly string[],
  otherwise: (exchange: Exchange, directories: readonly Files[]) => void,
): Handler {
  const directories = options.map((each) => new Files(each, (exchange) => handler(exchange)));
  const candidates = names.map((text) => Buffer.from(text, "utf8").latin1Slice().split(URI));
  const handler: Handler = (exchange) => {
    const reads = isRead(exchange.head.method);
    for (const candidate of candidates) {
      for (const files of directories) {
        const rest = files.restOf(exchange);
        if (isNoFile(candidate, rest)) continue;
        const name = nameOf(candidate, rest);
        if (reads ? answers(files, exchange, name, rest) : refuses(files, exchange, name)) return;
      }
    }
    otherwise(exchange, directories);
  };
  return handler;
}

/** None of them has the file; one may have an encoded form. */
function answerMissing(exchange: Exchange, directories: readonly Files[]): void {
  let extra: Fields | undefined;
  for (const files of directories) {
    const outcome = files.serveLone(exchange, files.restOf(exchange));
    if (outcome === "answered") return;
    if (outcome === "unacceptable") extra = UNACCEPTABLE;
  }
  answer(exchange, 404, extra);
}

/** Without `try` and `otherwise`: what is in none of them is 404, and no other method than those of files is taken. */
export function makeDirectoriesHandler(directories: readonly FilesOptions[]): Handler {
  const [first] = directories;
  if (first !== undefined && directories.length === 1) return makeFilesHandler(first);
  return makeTrier(directories, AS_ASKED, (exchange, all) =>
    isRead(exchange.head.method) ? answerMissing(exchange, all) : refuseMethod(exchange),
  );
}

/** What would be looked for, for people: as the handlers do. `candidates`: undefined without `try` and `otherwise`. */
export function traceFiles(
  directories: readonly FilesOptions[],
  candidates: readonly string[] | undefined,
  exchange: Exchange,
): Tried[] {
  const all = directories.map((options) => traced(options, exchange));
  if (candidates !== undefined) return traceAll(all, candidates);
  const files = all.length === 1 ? all.map(tracePlain) : traceAll(all, AS_ASKED);
  return files.every(({ kind }) => kind === "none") ? [...files, ...all.flatMap(traceLone)] : files;
}

function traceAll(all: readonly Traced[], candidates: readonly string[]): Tried[] {
  return candidates.flatMap((text) => {
    const candidate = Buffer.from(text, "utf8").latin1Slice().split(URI);
    return all.map((directory) => traceCandidate(directory, candidate));
  });
}

function traceLone({ root, files, rest }: Traced): Tried[] {
  return files.findLone(rest).map((name) => tried(root, name, "sibling"));
}

interface Traced {
  readonly root: string;
  readonly files: Files;
  readonly rest: string;
  readonly hasSlash: boolean;
}

function traced(options: FilesOptions, exchange: Exchange): Traced {
  const files = new Files(options);
  return { root: options.root, files, rest: files.restOf(exchange), hasSlash: exchange.head.path.endsWith("/") };
}

function traceCandidate({ root, files, rest, hasSlash }: Traced, candidate: readonly string[]): Tried {
  const name = nameOf(candidate, rest);
  if (isNoFile(candidate, rest)) return tried(root, name, "none");
  const found = files.find(name);
  const isRedirect = isOwnDirectory(name, rest) && !hasSlash && (found.kind === "file" || found.kind === "listing");
  if (isRedirect) return tried(root, name, "redirect");
  return tried(root, found.name, found.kind === "directory" ? "none" : found.kind);
}

function tracePlain({ root, files, rest, hasSlash }: Traced): Tried {
  const found = files.find(rest);
  if (found.kind !== "directory") return tried(root, found.name, found.kind);
  if (!hasSlash) return tried(root, rest, "redirect");
  const { kind, name } = files.find(`${rest}/`);
  return tried(root, name, kind === "directory" ? "none" : kind);
}

function tried(root: string, name: string, kind: Tried["kind"]): Tried {
  return { root, name: Buffer.from(name, "latin1").toString("utf8"), kind };
}

/** `$uri` of a request with the slash: what was asked for is a directory, and only a name that says so is one (nginx). */
function isNoFile(candidate: readonly string[], rest: string): boolean {
  return candidate.length > 1 && candidate.at(-1) === "" && rest.endsWith("/");
}

/** `$uri/` of a request without the slash. */
function isOwnDirectory(name: string, rest: string): boolean {
  return name !== rest && name === `${rest}/` && rest !== "";
}

function nameOf(candidate: readonly string[], rest: string): string {
  // `$uri/` of a request that has the slash already, `/cache/$uri` of any.
  return candidate.reduce((name, text) => joinPaths(joinPaths(name, rest), text));
}

function answers(files: Files, exchange: Exchange, name: string, rest: string): boolean {
  if (isOwnDirectory(name, rest)) return redirects(files, exchange, name);
  return files.serve(exchange, name) === "answered";
}

/** Links in a page are relative to its directory, so the client must be there (as nginx does for `$uri/`). */
function redirects(files: Files, exchange: Exchange, directory: string): boolean {
  // A template has named the directory of a path that has its slash.
  if (exchange.head.path.endsWith("/")) return files.serve(exchange, directory) === "answered";
  if (!files.has(directory)) return false;
  redirectToDirectory(exchange, files.absoluteRedirect);
  return true;
}

function refuses(files: Files, exchange: Exchange, name: string): boolean {
  if (!files.has(name)) return false;
  refuseMethod(exchange);
  return true;
}
