/**
 * Request path → file name, as far as that can be decided without asking the disk. Decoding, NUL and dot segments were
 * dealt with in protocol/http/target.ts; they are refused here once more, because this room must be safe on its own.
 * Names are bytes: a latin-1 string holds one per character, and no encoding is assumed, since Linux assumes none
 * (we never decode again, so an overlong UTF-8 sequence is just a name that does not exist).
 *
 * Hidden, so 404: names that begin with a dot (`.git`, `.env`), except `.well-known` (RFC 8615), and editors' backups,
 * which end in `~`. Where links lead is decided on the opened file, in open.ts.
 */

/** PATH_MAX of Linux with its NUL; open(2) would say ENAMETOOLONG. */
const PATH_BYTES_MAX = 4095;

/** Is `rest`, the path below the mount ("" or beginning with `/`), the name of something that may be looked for? */
export function isServable(rest: string): boolean {
  if (rest.length > PATH_BYTES_MAX || rest.includes("\0") || rest.includes("\\")) return false;
  if (rest !== "" && rest.charCodeAt(0) !== 0x2f) return false;
  for (let start = 1; start < rest.length;) {
    const slash = rest.indexOf("/", start);
    const end = slash === -1 ? rest.length : slash;
    if (!isServableSegment(rest, start, end)) return false;
    start = end + 1;
  }
  return true;
}

/** An empty segment (`a//b`) would be a second name for the same file. The last one of `a/` is not looked at. */
function isServableSegment(rest: string, start: number, end: number): boolean {
  if (end === start) return false;
  if (rest.charCodeAt(end - 1) === 0x7e) return false;
  return rest.charCodeAt(start) !== 0x2e || rest.slice(start, end) === ".well-known";
}

/** The path of the request below the mount: "" or beginning with `/`. */
export function belowMount(path: string, mount: string): string {
  return mount === "" ? path : path.slice(mount.length);
}

/** Text of the configuration as the latin-1 string of its UTF-8 bytes, without closing slashes. */
export function rootBytes(root: string): string {
  return Buffer.from(root, "utf8").latin1Slice().replace(/\/+$/, "");
}
