/**
 * A directory of files that tries several names before it gives up (nginx: try_files). Names are below the directory;
 * in them `$uri` is what the request asks for there, without the route's prefix.
 *
 *   $uri        that file                    /index.html   this one, whatever was asked for
 *   $uri/       the index of that directory; without the slash in the request: 301 to it
 *
 * Unlike nginx a directory counts only when it has an index, and the last name is no special case: what happens when there
 * is none of the files is the handler `otherwise`. Other methods than GET and HEAD find the same files, and are 405 there.
 */
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { redirectToDirectory } from "./directory-redirect.ts";
import { Files, type FilesOptions } from "./handler.ts";
import { isRead, refuseMethod } from "./methods.ts";
import { joinPaths } from "./path.ts";

export interface TryOptions extends FilesOptions {
  readonly candidates: readonly string[];
  readonly otherwise: Handler;
}

export interface Tried {
  /** Below the directory. */
  readonly name: string;
  /** `redirect`: a directory, to whose slash the client is sent. */
  readonly kind: "file" | "listing" | "redirect" | "none";
}

const URI = "$uri";

export function makeTryHandler(options: TryOptions): Handler {
  const files = new Files(options);
  const candidates = options.candidates.map((text) => Buffer.from(text, "utf8").latin1Slice().split(URI));
  const { otherwise } = options;
  return (exchange) => {
    const reads = isRead(exchange.head.method);
    const rest = files.restOf(exchange);
    for (const candidate of candidates) {
      const name = nameOf(candidate, rest);
      if (reads ? answers(files, exchange, name, rest) : refuses(files, exchange, name)) return;
    }
    otherwise(exchange);
  };
}

/** What would be looked for, for people: as `makeTryHandler` does, without candidates as the file handler itself does. */
export function traceFiles(
  options: FilesOptions,
  candidates: readonly string[] | undefined,
  exchange: Exchange,
): Tried[] {
  const files = new Files(options);
  const rest = files.restOf(exchange);
  const hasSlash = exchange.head.path.endsWith("/");
  if (candidates === undefined) return [tracePlain(files, rest, hasSlash)];
  return candidates.map((text) => {
    const name = nameOf(Buffer.from(text, "utf8").latin1Slice().split(URI), rest);
    const found = files.find(name);
    const isRedirect = isOwnDirectory(name, rest) && !hasSlash && (found.kind === "file" || found.kind === "listing");
    return isRedirect ? tried(name, "redirect") : tried(found.name, found.kind === "directory" ? "none" : found.kind);
  });
}

function tracePlain(files: Files, rest: string, hasSlash: boolean): Tried {
  const found = files.find(rest);
  if (found.kind !== "directory") return tried(found.name, found.kind);
  if (!hasSlash) return tried(rest, "redirect");
  const { kind, name } = files.find(`${rest}/`);
  return tried(name, kind === "directory" ? "none" : kind);
}

function tried(name: string, kind: Tried["kind"]): Tried {
  return { name: Buffer.from(name, "latin1").toString("utf8"), kind };
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
