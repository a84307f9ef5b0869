/** What a handler of files is told (handler.ts), and its defaults. */
import type { Log } from "../base/log.ts";
import type { Charset } from "../exchange/charset.ts";
import type { Template } from "../exchange/template.ts";
import type { CachePolicy } from "./cache-control.ts";
import type { FileCache } from "./cache.ts";
import type { TypeOptions } from "./mime.ts";
import type { OpenFiles } from "./open-files.ts";
import type { LinkPolicy } from "./open.ts";
import type { EncodingOptions } from "./precompressed.ts";
import type { YoungFiles } from "./young-files.ts";

export interface FilesOptions {
  /** Directory or file, absolute. */
  readonly root: string;
  /** `root` is the one file to serve. */
  readonly single: boolean;
  /** There is nothing below that one file, as in a file system. Default: it is all that the route leads to. */
  readonly nothingBelow?: boolean;
  /** The path below `root`, beginning with `/`; undefined: that of the request below its mount. */
  readonly below?: Template | undefined;
  /** Names tried in a directory, in order. */
  readonly index: readonly string[];
  /** Default: no Cache-Control is sent. */
  readonly cachePolicy?: CachePolicy | undefined;
  /** Default: files are sent as they are. */
  readonly encoding?: EncodingOptions;
  readonly types?: TypeOptions;
  /** Added to textual types. */
  readonly charset: Charset | undefined;
  readonly links?: LinkPolicy;
  /** Serve names that begin with a dot or end in `~`, too. */
  readonly hidden?: boolean;
  /** Show a directory without index file. */
  readonly listing?: boolean;
  /** Redirect to a directory with scheme and host (nginx: absolute_redirect). */
  readonly absoluteRedirect?: boolean;
  /** Ranges of one request; 0: ranges are not served. */
  readonly rangesMax?: number;
  /** Shared by the handlers of a thread, so that they bound them together; default: of their own. */
  readonly cache?: FileCache;
  readonly openFiles?: OpenFiles;
  /** Of the thread, too; default: nobody waits for files that may be being written. */
  readonly young?: YoungFiles;
  readonly log?: Log;
}
