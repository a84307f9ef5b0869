/**
 * The schema of compression, charsets and media types, which the server, a site and a route may say. How to read it: schema.ts.
 */
import { formatSize } from "../base/units.ts";
import { REPLY_TYPES } from "../exchange/charset.ts";
import { CONTENT_CODINGS, type ContentCoding } from "../exchange/content-coding.ts";
import { COMPRESSED_BYTES_MIN } from "../exchange/compressible.ts";
import { ENCODER_LEVEL_BOUNDS, ENCODER_LEVELS } from "../exchange/encoder.ts";
import { DEFAULT_TYPE } from "../files/mime.ts";
import { CHARSET, CONTENT_TYPE } from "./http-kinds.ts";
import { anyOf } from "./json-schema.ts";
import { optional, type Schema, type Section, table } from "./keys.ts";
import { boolean, choice, either, integer, type Kind, listOf, namedOf, Refusal, size, text } from "./kinds.ts";

const MIB = 1024 * 1024;

const CODING = choice(CONTENT_CODINGS);

/** RFC 9110 section 8.3.1 with stars for any characters of one part. */
const MEDIA_RANGE: Kind<string> = text('a media type such as "text/html", "text/*" or "*/*+json"', (written) => {
  if (written === "*") return "*/*";
  return /^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+$/.test(written) ? written.toLowerCase() : new Refusal();
});

const OFF: Kind<"off"> = choice(["off"]);

const CHARSET_OR_OFF: Kind<string> = {
  expected: `${CHARSET.expected}, or "off"`,
  json: () => anyOf(OFF.json(), CHARSET.json()),
  read: (place) => (place.value === "off" ? "off" : CHARSET.read(place)),
};

function level(coding: ContentCoding) {
  const [min, max] = ENCODER_LEVEL_BOUNDS[coding];
  return integer(min, max);
}

/** `compress = { … }` */
export const COMPRESS = {
  encodings: optional(
    listOf(CODING),
    `\`${JSON.stringify(CONTENT_CODINGS)}\``,
    "Codings that are made; the first wins of those that the client likes equally. nginx: gzip, brotli, zstd.",
  ),
  zstd_level: optional(
    level("zstd"),
    `\`${ENCODER_LEVELS.zstd}\``,
    "How hard zstd tries. Caddy: 3. nginx: zstd_comp_level.",
  ),
  br_level: optional(level("br"), `\`${ENCODER_LEVELS.br}\``, "How hard Brotli tries. nginx: brotli_comp_level, 6."),
  gzip_level: optional(level("gzip"), `\`${ENCODER_LEVELS.gzip}\``, "How hard gzip tries. nginx: gzip_comp_level, 1."),
  min_size: optional(
    size(0, MIB),
    `\`"${formatSize(COMPRESSED_BYTES_MIN)}"\``,
    "Shorter content is sent as it is; of unknown length it is always compressed. nginx: gzip_min_length, 20.",
  ),
  types: optional(
    listOf(MEDIA_RANGE),
    "text, JSON, XML, JavaScript, SVG, WebAssembly, fonts that are not packed, and their like",
    'Media types that are compressed: `["text/*", "*/*+json"]`. text/event-stream only if it is named. nginx: gzip_types, ' +
      "text/html.",
  ),
} satisfies Schema;

/** `true` is every sibling, `false` none. */
const PRECOMPRESSED: Kind<boolean | readonly ContentCoding[]> = {
  expected: 'true, false or a list of "br", "zstd" and "gzip"',
  json: () => anyOf(boolean.json(), listOf(CODING).json()),
  read: (place) => {
    if (!Array.isArray(place.value) && typeof place.value !== "string") return boolean.read(place);
    if (place.value === "true" || place.value === "false") return place.value === "true";
    return listOf(CODING)
      .read(place)
      ?.map((each) => each.value);
  },
};

/** What the server, a site and a route may all say; the nearer word counts. */
export const ENCODING = {
  compress: optional(
    either<boolean | Section<typeof COMPRESS>>(boolean, table(COMPRESS, "a table such as { gzip_level = 6 }")),
    "files are, what apps, upstreams and `respond` answer is not",
    "Compresses what is textual, for clients that take it. `true` or a table: everything; `false`: nothing. Secrets in a " +
      "page that also shows what its visitor sent can be guessed from the compressed length (BREACH), so replies of apps " +
      "are only compressed when you say so. nginx: gzip, off. uWSGI: http-auto-gzip.",
  ),
  precompressed: optional(
    PRECOMPRESSED,
    '`["br", "zstd", "gzip"]`',
    "Sends `site.css.br`, `.zst` or `.gz` in place of `site.css` to clients that take it, the first that there is in this " +
      "order; unless it is older. `site.css` itself need not be there: who takes none of its siblings gets 404 then. An index, " +
      "what `try` finds, and what is compressed by its format (images but SVG, BMP and icons, audio, video, WOFF, archives, office documents) " +
      "must be there itself. nginx: gzip_static, off. uWSGI: static-gzip-all.",
  ),
  charset: optional(
    CHARSET_OR_OFF,
    '`"off"`',
    "Added to a Content-Type that names none, whoever answers, but for 301 and 302. nginx: charset.",
  ),
  charset_types: optional(
    listOf(MEDIA_RANGE),
    `of files what is textual, of other replies ${REPLY_TYPES.map((type) => `\`${type}\``).join(", ")}`,
    "Media types that get the charset. nginx: charset_types.",
  ),
} satisfies Schema;

function refuseExtension(written: string): string | undefined {
  return /^\.[^/\s\0]+$/.test(written) ? undefined : 'should be an extension with its dot, such as ".foo"';
}

/** What the server and a site may say of the types of files. */
export const TYPES = {
  types: optional(
    namedOf(CONTENT_TYPE, 'a table of ".extension" = "type/subtype"', refuseExtension),
    "what is known",
    'Content-Type of files by extension, before those that are known: `types = { ".foo" = "text/x-foo" }`. A site\'s come ' +
      "before the server's. nginx: types. uWSGI: mime-file.",
  ),
  default_type: optional(
    CONTENT_TYPE,
    `\`"${DEFAULT_TYPE}"\``,
    "Content-Type of files whose extension says nothing. nginx: default_type.",
  ),
} satisfies Schema;
