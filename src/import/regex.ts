/** Regular expressions of nginx and uWSGI (PCRE) → of JavaScript, as far as they mean the same there. */

export type ConvertedRegex =
  | { readonly source: string; readonly ignoreCase: boolean; readonly captures: readonly string[] }
  | { readonly problem: string };

export function convertRegex(written: string, ignoreCase: boolean): ConvertedRegex {
  const isFlagged = written.startsWith("(?i)");
  const source = (isFlagged ? written.slice(4) : written)
    .replaceAll("(?P<", "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replace(/\(\?'(\w+)'/g, "(?<$1>")
    .replace(/\\A/g, "^")
    .replace(/\\[zZ]/g, "$")
    .replace(/\\h/g, "[ \\t]");
  const foreign = /\(\?>|\(\?[#R&|]|[*+?}]\+|\\[QEKRX]|\(\*|\[:\w+:\]/.exec(source);
  if (foreign !== null) return { problem: `${foreign[0]} is known to PCRE only` };
  try {
    const found = new RegExp(`${source}|`, "s").exec("");
    return { source, ignoreCase: ignoreCase || isFlagged, captures: Object.keys(found?.groups ?? {}) };
  } catch (error) {
    return { problem: (error as Error).message.replace(/^Invalid regular expression: /, "") };
  }
}
