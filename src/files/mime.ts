/**
 * File name → Content-Type. The last extension counts, in any case (`a.min.js`, `a.tar.gz`, `A.CSS`), unless the
 * configuration names a longer one (`.d.ts`); files are not looked into.
 */
import type { Charset } from "../exchange/charset.ts";
import { EXTENSIONS } from "./mime-table.ts";

/** nginx's default_type in its packaged configuration: a browser saves it and runs nothing. */
export const DEFAULT_TYPE = "application/octet-stream";

export interface TypeOptions {
  /** `.ext` in lower case → type; before the table's own. */
  readonly types?: Readonly<Record<string, string>> | undefined;
  /** Of what has no known extension; default DEFAULT_TYPE. */
  readonly defaultType?: string | undefined;
}

const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(EXTENSIONS).flatMap(([type, extensions]) =>
    extensions.split(" ").map((extension) => [`.${extension}`, type]),
  ),
);

/** The type of the file called `name` (a path will do). */
export function contentTypeOf(name: string, charset: Charset | undefined, options: TypeOptions = {}): string {
  const type = usualType(name, options) ?? typeOf(name.slice(name.lastIndexOf("/") + 1).toLowerCase(), options);
  return charset === undefined ? type : charset.ofFile(type);
}

/** Have names with the same last extension the same type? Unless the configuration names a longer one. */
export function lastExtensionDecides({ types = {} }: TypeOptions = {}): boolean {
  return Object.keys(types).every((extension) => extension.lastIndexOf(".") <= 0);
}

/** Where the configuration names no types, and the extension is written in lower case, as nearly all are. */
function usualType(path: string, { types }: TypeOptions): string | undefined {
  if (types !== undefined) return undefined;
  const dot = path.lastIndexOf(".");
  return dot === -1 ? undefined : TYPES.get(path.slice(dot));
}

/** Every extension from the longest: `.d.ts`, then `.ts`. Only configured ones have more than one dot. */
function typeOf(file: string, { types, defaultType = DEFAULT_TYPE }: TypeOptions): string {
  if (types !== undefined) {
    for (let dot = file.indexOf("."); dot !== -1; dot = file.indexOf(".", dot + 1)) {
      const extension = file.slice(dot);
      if (Object.hasOwn(types, extension)) return types[extension] as string; // just seen
    }
  }
  const last = file.lastIndexOf(".");
  return (last === -1 ? undefined : TYPES.get(file.slice(last))) ?? defaultType;
}

const PACKED =
  /^(?:audio|video)\/|^image\/(?!svg|bmp|x-icon|vnd\.microsoft\.icon|x-tga|x-portable)|^font\/woff|^application\/(?:gzip|zip|zstd|epub\+zip|java-archive|x-7z|x-bzip|x-xz|x-lz|x-rar|vnd\.rar|vnd\.ms-cab|x-xpinstall|vnd\.android|vnd\.openxml|vnd\.oasis)/;

/** Is what has this type compressed already, by its format? A `.gz` of it is hardly smaller, and hardly anybody makes one. */
export function isPacked(contentType: string): boolean {
  return PACKED.test(contentType);
}

/** A compressed SVG has the type of a plain one. */
export function isPackedName(name: string): boolean {
  return /\.svgz$/i.test(name);
}
