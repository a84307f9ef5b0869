/**
 * What the replies of apps and upstreams may have this server send in their place (exchange/accel.ts), put together with
 * the files room for X-Sendfile.
 */
import type { Log } from "../base/log.ts";
import { withAccel } from "../exchange/accel.ts";
import { answer } from "../exchange/canned.ts";
import type { Charset } from "../exchange/charset.ts";
import type { Exchange, Handler } from "../exchange/exchange.ts";
import { Files } from "../files/handler.ts";
import type { FilesOptions } from "../files/options.ts";
import { rootBytes } from "../files/path.ts";

export interface AccelerateOptions {
  /** Directories below which files may be named, absolute. */
  readonly sendfileRoots: readonly string[];
  /** Answers another path of the site. */
  readonly dispatch: Handler;
  readonly mergeSlashes: boolean;
  readonly charset: Charset | undefined;
  readonly files: Pick<FilesOptions, "cache" | "openFiles" | "young">;
  readonly log: Log;
}

export function accelerated(next: Handler, options: AccelerateOptions): Handler {
  const { dispatch, mergeSlashes, log } = options;
  return withAccel(next, { dispatch, mergeSlashes, sendFile: makeSendFile(options), log });
}

interface Root {
  /** Bytes as latin-1, without closing slash. */
  readonly path: string;
  readonly files: Files;
}

/** Paths are taken as they are or, if there is no such file, percent-decoded: Apache's module decodes them, and what is
 *  written for it encodes them. */
function makeSendFile({ sendfileRoots, charset, files, log }: AccelerateOptions) {
  const common = { single: false, index: [], charset, log, ...files };
  const roots = sendfileRoots.map((root) => ({ path: rootBytes(root), files: new Files({ ...common, root }) }));
  const send = (exchange: Exchange, path: string): boolean => {
    // What waits for a file that may be being written looks for both names again.
    const again = (waited: Exchange) => void send(waited, path);
    const root = rootOf(roots, path);
    if (root === undefined) return false;
    if (root.files.serve(exchange, path.slice(root.path.length), again) === "answered") return true;
    const decoded = decode(path);
    const other = decoded === path ? undefined : rootOf(roots, decoded);
    if (other?.files.serve(exchange, decoded.slice(other.path.length), again) === "answered") return true;
    log.error(`X-Sendfile names ${JSON.stringify(path)}, which is no file that can be sent: answered 404`);
    answer(exchange, 404);
    return true;
  };
  return send;
}

/** Dot segments are refused by the files room, and links that lead out of the root. */
function rootOf(roots: readonly Root[], path: string): Root | undefined {
  return roots.find((root) => path.startsWith(`${root.path}/`));
}

function decode(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}
