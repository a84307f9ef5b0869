/**
 * Request path → file name, as far as that can be decided without asking the disk. Decoding, NUL and dot segments were
 * dealt with in protocol/http/target.ts; they are refused here once more, because this room must be safe on its own.
 * Names are bytes: a latin-1 string holds one per character, and no encoding is assumed, since Linux assumes none
 * (we never decode again, so an overlong UTF-8 sequence is just a name that does not exist).
 *
 * Hidden, so 404 unless asked for: names that begin with a dot (`.git`, `.env`), except `.well-known` (RFC 8615), and
 * editors' backups, which end in `~`. Where links lead is decided on the opened file, in open.ts.
 */

/** PATH_MAX of Linux with its NUL; open(2) would say ENAMETOOLONG. */
const PATH_BYTES_MAX = 4095;

const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/** Is `rest`, the path below the mount ("" or beginning with `/`), the name of something that may be looked for? */
export function isServable(rest: string, hiddenToo = false): boolean {
  const { length } = rest;
  if (length > PATH_BYTES_MAX) return false;
  if (length > 0 && rest.charCodeAt(0) !== SLASH) return false;
  let start = 1;
  for (let i = 1; i < length; i++) {
    const char = rest.charCodeAt(i);
    if (char === 0 || char === BACKSLASH) return false;
    if (char !== SLASH) continue;
    if (!isServableSegment(rest, start, i, hiddenToo)) return false;
    start = i + 1;
  }
  return start >= length || isServableSegment(rest, start, length, hiddenToo);
}

/** An empty segment (`a//b`) would be a second name for the same file. The last one of `a/` is not looked at. */
function isServableSegment(rest: string, start: number, end: number, hiddenToo: boolean): boolean {
  if (end === start) return false;
  if (hiddenToo) return rest.charCodeAt(start) !== 0x2e || !isDots(rest, start, end);
  return !isHidden(rest.charCodeAt(start) === 0x2e ? rest.slice(start, end) : "", rest.charCodeAt(end - 1));
}

/** `.` and `..`: they are resolved before a path gets here, and never names. */
function isDots(rest: string, start: number, end: number): boolean {
  return end - start === 1 || (end - start === 2 && rest.charCodeAt(start + 1) === 0x2e);
}

/** Is this the name of a file that is not to be seen? For listings. */
export function isHiddenName(name: string): boolean {
  return isHidden(name.startsWith(".") ? name : "", name.charCodeAt(name.length - 1));
}

/** `dotted`: the name if it begins with a dot, else "". */
function isHidden(dotted: string, lastCharacter: number): boolean {
  return lastCharacter === 0x7e || (dotted !== "" && dotted !== ".well-known");
}

/** No file is called so: a path begins with a slash. */
export const NO_NAME = "\0";

const ENCODED_SLASH = /%2f/i;

/** Was a slash of the path sent as `%2F`? Routes and applications take it for a separator, as nginx does, for there is one path for all of
 *  them; but it is not said to be one (RFC 3986 section 2.2), so no directory is entered by it. */
export function hasEncodedSlash({ rawPath, path }: { readonly rawPath: string; readonly path: string }): boolean {
  return rawPath !== path && ENCODED_SLASH.test(rawPath);
}

/** The path of the request below the mount: "" or beginning with `/`. */
export function belowMount(path: string, mount: string): string {
  return mount === "" ? path : path.slice(mount.length);
}

/** Slashes that meet are one. */
export function joinPaths(left: string, right: string): string {
  return left.endsWith("/") && right.startsWith("/") ? left + right.slice(1) : left + right;
}

/** Text of the configuration as the latin-1 string of its UTF-8 bytes, without closing slashes. */
export function rootBytes(root: string): string {
  return Buffer.from(root, "utf8").latin1Slice().replace(/\/+$/, "");
}

/** What `.gz` is put behind, where it is not the key that is asked for: of a directory's index. */
export function pathOfIndex(rest: string, path: string): string | undefined {
  return rest.endsWith("/") ? path : undefined;
}
