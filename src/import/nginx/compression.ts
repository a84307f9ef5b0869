/**
 * gzip, gzip_types and their like → `compress`. Files are compressed here unless something else is said; what apps and
 * upstreams answer is only with `gzip on`.
 */
import { COMPRESSED_TYPES, TypeList } from "../../exchange/compressible.ts";
import type { RouteKey, Settings, SiteKey, Value } from "../plan.ts";
import type { Block } from "./block.ts";
import { countOf, type Translation } from "./translation.ts";
import { sizeOf } from "./values.ts";

type Key = RouteKey & SiteKey;

/** Said by nginx for clients and proxies of 2005, or decided here by itself. */
const NOT_NEEDED: Readonly<Record<string, string>> = {
  gzip_vary: "Vary is sent wherever it depends on the client",
  gzip_proxied: "replies are compressed for proxies, too; what is private says so in Cache-Control",
  gzip_disable: "the browsers that it is about are gone",
  gzip_buffers: "buffers are as large as needed",
  gzip_http_version: "clients say what they take",
};

export function compression(
  t: Translation,
  block: Block,
  settings: Settings<Key>,
  isNew: (...names: string[]) => boolean,
): void {
  for (const [name, why] of Object.entries(NOT_NEEDED)) {
    for (const directive of block.inForce(name)) t.ledger.notNeeded(directive, why);
  }
  gzipStatic(t, block, settings, isNew);
  const gzip = block.one("gzip");
  const details = ["gzip_comp_level", "gzip_min_length", "gzip_types"] as const;
  if (gzip === undefined || gzip.args[0]?.text !== "on") {
    for (const name of details) for (const each of block.inForce(name)) t.ledger.noEffect(each, "without gzip on");
  }
  if (gzip === undefined || !isNew("gzip", ...details)) return;
  if (gzip.args[0]?.text !== "on") {
    settings.set("compress", false, gzip.origin);
    return t.ledger.translated(gzip, "compress = false");
  }
  const table = { ...level(t, block), ...leastSize(t, block), ...types(t, block) };
  settings.set("compress", Object.keys(table).length === 0 ? true : table, gzip.origin);
  t.ledger.translated(gzip, "compress, in zstd and Brotli, too");
}

function level(t: Translation, block: Block): Record<string, Value> {
  const directive = block.one("gzip_comp_level");
  const written = directive && countOf(t, directive, directive.args[0]?.text);
  if (directive === undefined || written === undefined) return {};
  t.ledger.translated(directive, "compress = { gzip_level }");
  return { gzip_level: Math.min(Math.max(written, 1), 9) };
}

function leastSize(t: Translation, block: Block): Record<string, Value> {
  const directive = block.one("gzip_min_length");
  if (directive === undefined) return {};
  t.ledger.translated(directive, "compress = { min_size }");
  return { min_size: sizeOf(directive.args[0]?.text ?? "") ?? 20 };
}

/** Only what goes beyond the types that are known is worth a line. */
function types(t: Translation, block: Block): Record<string, Value> {
  const directive = block.one("gzip_types");
  if (directive === undefined) return {};
  const wanted = directive.args.map(({ text }) => text);
  const unknown = wanted.filter((type) => type !== "*" && !KNOWN.has(type) && !OBSOLETE.has(type));
  if (wanted.includes("*")) {
    t.ledger.translated(directive, 'compress = { types = ["*/*"] }');
    return { types: ["*/*"] };
  }
  if (unknown.length === 0) {
    t.ledger.defaultHere(directive, "these types are compressed");
    return {};
  }
  t.ledger.dropped(directive, `${unknown.join(", ")} is not compressed: it is packed already, or no textual type`);
  return {};
}

const KNOWN = new TypeList(COMPRESSED_TYPES);

/** Names that no server sends any more, or that were never types. */
const OBSOLETE = new Set(["application/x-javascript", "text/javascript", "font/opentype", "image/bmp"]);

function gzipStatic(
  t: Translation,
  block: Block,
  settings: Settings<Key>,
  isNew: (...names: string[]) => boolean,
): void {
  const directive = block.one("gzip_static");
  if (directive === undefined) return;
  const [word] = directive.args.map(({ text }) => text);
  const who = `to clients that take gzip${word === "always" ? ", and to no other, whatever this says" : ""}`;
  if (word !== "off") return t.ledger.defaultHere(directive, `x.css.gz is sent in place of x.css ${who}`);
  if (isNew("gzip_static")) settings.set("precompressed", false, directive.origin);
  t.ledger.translated(directive, "precompressed = false");
}
