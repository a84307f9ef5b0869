/**
 * Host → site, in nginx's order (ngx_http_server_name): the exact name, the longest `*.suffix`, the longest `prefix.*`, the
 * first regular expression in the order of the file, then the default of the address. How names are compared:
 * name-table.ts. Without a default nobody gets the request (nginx: the first server block).
 */
import { type HostCaptures, NameTable } from "./name-table.ts";

export interface HostEntry<T> {
  /** Lower case: `www.example.org`, `*.example.org`, `www.example.*`, `.example.org`; `~regex`. Empty: the default. */
  readonly names: readonly string[];
  /** The default though it has names. */
  readonly isDefault?: boolean;
  readonly value: T;
}

/** The function takes a lower-case host without port (RequestHead.host), and where to put what an expression found. Of
 *  two entries for one name the first counts; the configuration refuses such. */
export function compileHosts<T>(
  entries: readonly HostEntry<T>[],
): (host: string, into?: HostCaptures) => T | undefined {
  const table = new NameTable<T>();
  for (const { names, value } of entries) for (const name of names) table.add(name, value);
  const fallback = entries.find(({ names, isDefault }) => isDefault ?? names.length === 0)?.value;
  return (host, into) => table.find(host.endsWith(".") ? host.slice(0, -1) : host, into) ?? fallback;
}
