/** Compression, charsets and media types as they were written → as they are in force: the nearer word counts, key by key. */
import { DEFAULT_COMPRESSION } from "../exchange/compressible.ts";
import { SIBLING_CODINGS } from "../files/precompressed.ts";
import type { CompressConfig, EncodingConfig, TypesConfig } from "./config.ts";
import type { Section, Values } from "./keys.ts";
import type { COMPRESS, ENCODING, TYPES } from "./schema-encoding.ts";

export const DEFAULT_ENCODING: EncodingConfig = {
  compress: { ...DEFAULT_COMPRESSION, files: true, replies: false },
  precompressed: SIBLING_CODINGS,
  charset: undefined,
  charsetTypes: undefined,
};

export const DEFAULT_TYPES: TypesConfig = { types: {}, defaultType: undefined };

export function resolveEncoding(values: Values<typeof ENCODING>, inherited: EncodingConfig): EncodingConfig {
  const { compress, precompressed, charset, charset_types: types } = values;
  if ([compress, precompressed, charset, types].every((each) => each === undefined)) return inherited;
  return {
    compress: resolveCompress(compress, inherited.compress),
    precompressed: resolvePrecompressed(precompressed) ?? inherited.precompressed,
    charset: charset === "off" ? undefined : (charset ?? inherited.charset),
    charsetTypes: types?.map((each) => each.value) ?? inherited.charsetTypes,
  };
}

function resolveCompress(
  written: boolean | Section<typeof COMPRESS> | undefined,
  inherited: CompressConfig,
): CompressConfig {
  if (written === undefined) return inherited;
  if (typeof written === "boolean") return { ...inherited, files: written, replies: written };
  const { place, values } = written;
  for (const list of ["encodings", "types"] as const) {
    const { value } = place.into(list);
    if (Array.isArray(value) && value.length === 0) place.into(list).unfit("one or more; `compress = false` for none");
  }
  return {
    files: true,
    replies: true,
    codings: values.encodings?.map((each) => each.value) ?? inherited.codings,
    levels: {
      zstd: values.zstd_level ?? inherited.levels.zstd,
      br: values.br_level ?? inherited.levels.br,
      gzip: values.gzip_level ?? inherited.levels.gzip,
    },
    bytesMin: values.min_size ?? inherited.bytesMin,
    types: values.types?.map((each) => each.value) ?? inherited.types,
  };
}

function resolvePrecompressed(
  written: Values<typeof ENCODING>["precompressed"],
): EncodingConfig["precompressed"] | undefined {
  if (typeof written !== "boolean") return written;
  return written ? SIBLING_CODINGS : [];
}

export function resolveTypes(values: Values<typeof TYPES>, inherited: TypesConfig): TypesConfig {
  const own = (values.types ?? []).map(({ name, value }) => [name.toLowerCase(), value] as const);
  return {
    types: { ...inherited.types, ...Object.fromEntries(own) },
    defaultType: values.default_type ?? inherited.defaultType,
  };
}
