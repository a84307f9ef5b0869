/**
 * What is done to the content of a reply, for `server explain`: its type, Cache-Control and compression, from the same
 * functions that a front answers with. Of apps and upstreams only what would be done to replies that fit.
 */
import { existsSync } from "node:fs";
import type { EncodingConfig, RouteConfig, RouteTarget, SiteConfig } from "../config/config.ts";
import { Charset } from "../exchange/charset.ts";
import { TypeList } from "../exchange/compressible.ts";
import { EXTENSIONS_OF_SIBLINGS } from "../files/precompressed.ts";
import { contentTypeOf } from "../files/mime.ts";
import type { Tried } from "../files/try.ts";
import { cachePolicyOf } from "./files-options.ts";

export interface ExplainedContent {
  /** Undefined: that is for the app or upstream to say. */
  readonly type: string | undefined;
  readonly cache: string | undefined;
  readonly compress: string;
  /** Of a file: the siblings that are looked for. */
  readonly siblings: readonly { readonly name: string; readonly found: boolean }[];
}

type FilesTarget = Extract<RouteTarget, { kind: "files" }>;

export function explainContent(
  site: SiteConfig,
  { target, encoding }: RouteConfig,
  files: readonly Tried[],
): ExplainedContent | undefined {
  if (target.kind === "redirect") return undefined;
  if (target.kind === "files") {
    const file = files.find(({ kind }) => kind !== "none");
    return file?.kind === "file" ? explainFile(site, target, encoding, file) : undefined;
  }
  const compress = encoding.compress.replies ? `listed types: ${codingsOf(encoding)}` : "off";
  const type = target.kind === "respond" ? target.contentType : undefined;
  return { type, cache: undefined, compress, siblings: [] };
}

/** `name` is absolute. */
function explainFile(
  site: SiteConfig,
  target: FilesTarget,
  encoding: EncodingConfig,
  { name, root }: Tried,
): ExplainedContent {
  const type = contentTypeOf(name, Charset.of(encoding), site.types);
  const path = target.single ? name : bytes(name.slice(root.length));
  return {
    type,
    cache: cachePolicyOf(target, root).of(path) ?? "none is sent",
    compress: compressionOf(encoding, type),
    siblings: siblingsOf(encoding, name),
  };
}

function compressionOf(encoding: EncodingConfig, type: string): string {
  const { compress } = encoding;
  if (!compress.files) return "off";
  return new TypeList(compress.types).has(type) ? codingsOf(encoding) : `not ${type}`;
}

function codingsOf({ compress }: EncodingConfig): string {
  return `${compress.codings.join(", ")}, from ${compress.bytesMin} bytes on`;
}

function siblingsOf({ precompressed }: EncodingConfig, file: string): ExplainedContent["siblings"] {
  return precompressed.map((coding) => {
    const name = file + EXTENSIONS_OF_SIBLINGS[coding];
    return { name, found: existsSync(name) };
  });
}

/** As the file handler names it: one character for each byte. */
function bytes(path: string): string {
  return Buffer.from(path, "utf8").latin1Slice();
}
