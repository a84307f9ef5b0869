/** Where the site listens, and by which address people come. */
import { isAllowed } from "./edits.ts";
import type { Front } from "./front.ts";
import type { Answers } from "./question.ts";
import type { Seen } from "./seen.ts";

export function addressOf({ listen }: Answers, https: Front["https"]): { port: number | undefined; address: string } {
  if (listen === undefined || listen === "web") return { port: https === "off" ? 80 : 443, address: LOOPBACK };
  const [, host = "", port] = /^(?:(.*):)?(\d+)$/.exec(listen) ?? [];
  const address = ANY.test(host) ? LOOPBACK : host.replace(/^\[|\]$/g, "");
  return { port: port === undefined ? undefined : Number(port), address };
}

export const LOOPBACK = "127.0.0.1";
export const ANY = /^(|\*|0\.0\.0\.0|\[::\])$/;

/** On one address of its own. */
export function isLocal({ listen = "" }: Answers): boolean {
  const host = /^(.*):\d+$/.exec(listen)?.[1];
  return listen.startsWith("unix:") || (host !== undefined && !ANY.test(host));
}

/** By which people come: from elsewhere, if Django answers there. `own`: where the site listens. */
export function shownAddress(seen: Seen, { lines }: Answers, own: string): string {
  const candidates = [...seen.machine.addresses.open.slice(0, 1), own];
  // With the line that is added Django answers there.
  if (lines === "add") return candidates[0] ?? own;
  return candidates.find((address) => isAnswered(seen, address)) ?? candidates[0] ?? own;
}

/** By which others would come, if ALLOWED_HOSTS had it. */
export function refusedAddress(seen: Seen): string | undefined {
  const [open] = seen.machine.addresses.open;
  return open === undefined || isAnswered(seen, open) ? undefined : open;
}

function isAnswered({ facts }: Seen, address: string): boolean {
  const settings = facts?.loaded?.settings;
  return settings === undefined || isAllowed(address.includes(":") ? `[${address}]` : address, settings);
}
