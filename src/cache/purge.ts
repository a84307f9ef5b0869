/** What people write to have kept replies forgotten → what ResponseCache.forget takes. */

const URL_FORM = /^https?:\/\/([^/?#:[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?((?:\/[^#]*)?)$/i;

/** `http://host/path?query` is that one, whatever its scheme and port; with `*` at its end all that begin like it; `all`.
 *  Undefined: it is none of these. */
export function purgedPlace(url: string): string | undefined {
  if (url === "all") return "*";
  const [, host, target] = URL_FORM.exec(url) ?? [];
  return host === undefined ? undefined : host.toLowerCase() + (target === "" ? "/" : target);
}
