/**
 * Sets of client addresses: single addresses, CIDR ranges of both families, and `unix:` for clients of unix sockets.
 * Compiled once into sorted intervals, asked once for each connection or request. An IPv4 address that is mapped into
 * IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) is the IPv4 address, in the list as in the question.
 *
 * Not here: what membership means (allow, deny, trust), and names, which a resolver could change under us.
 */
import { parseAddress } from "../base/ip-address.ts";

/** What `Wire.remoteAddress` gives for the other end of a unix socket. */
export const UNIX_PEER = "unix:";

/** `first` and `last` belong to it. Numbers are IPv4 addresses, bigints IPv6 ones. */
export type AddressRange =
  | { readonly kind: "unix" }
  | { readonly kind: "ipv4"; readonly first: number; readonly last: number; readonly strayBits: boolean }
  | { readonly kind: "ipv6"; readonly first: bigint; readonly last: bigint; readonly strayBits: boolean };

/** `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`, `unix:`; undefined when it is none of these. `strayBits`: the address
 *  has bits behind its prefix (`192.0.2.7/24`), which are taken for zero, as nginx does with a warning. */
export function parseAddressRange(text: string): AddressRange | undefined {
  if (text === UNIX_PEER) return { kind: "unix" };
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const mapped = typeof address === "number" && text.includes(":");
  const width = typeof address === "number" && !mapped ? 32 : 128;
  const prefix = slash === -1 ? width : parsePrefix(text.slice(slash + 1), width);
  if (prefix === undefined) return undefined;
  if (typeof address === "bigint") return ipv6Range(address, prefix);
  if (!mapped) return ipv4Range(address, prefix);
  return prefix < 96 ? undefined : ipv4Range(address, prefix - 96);
}

function parsePrefix(text: string, width: number): number | undefined {
  if (!/^(0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const prefix = Number(text);
  return prefix <= width ? prefix : undefined;
}

function ipv4Range(address: number, prefix: number): AddressRange {
  const size = 2 ** (32 - prefix);
  const first = address - (address % size);
  return { kind: "ipv4", first, last: first + size - 1, strayBits: first !== address };
}

function ipv6Range(address: bigint, prefix: number): AddressRange {
  const host = (1n << BigInt(128 - prefix)) - 1n;
  const first = address & ~host;
  return { kind: "ipv6", first, last: first + host, strayBits: first !== address };
}

/** The question whether an address (as `Wire.remoteAddress` or parseAddress takes it) is in one of the ranges. Entries that
 *  are no range are left out: the configuration has refused them. */
export function compileAddressSet(list: readonly string[]): (address: string) => boolean {
  const ranges = list.flatMap((text) => parseAddressRange(text) ?? []);
  const unix = ranges.some((range) => range.kind === "unix");
  const ipv4 = mergeIntervals(ranges.flatMap((range) => (range.kind === "ipv4" ? [range] : [])));
  const ipv6 = mergeIntervals(ranges.flatMap((range) => (range.kind === "ipv6" ? [range] : [])));
  return (text) => {
    if (text === UNIX_PEER) return unix;
    const address = parseAddress(text);
    if (address === undefined) return false;
    return typeof address === "number" ? isWithin(ipv4, address) : isWithin(ipv6, address);
  };
}

/** Ascending and disjoint. */
interface Intervals<T> {
  readonly firsts: readonly T[];
  readonly lasts: readonly T[];
}

function mergeIntervals<T extends number | bigint>(ranges: readonly { first: T; last: T }[]): Intervals<T> {
  const firsts: T[] = [];
  const lasts: T[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = lasts.at(-1);
    if (before === undefined || first > before) {
      firsts.push(first);
      lasts.push(last);
    } else if (last > before) {
      lasts[lasts.length - 1] = last;
    }
  }
  return { firsts, lasts };
}

/** Binary search for the last interval that begins at or before the address. */
function isWithin<T extends number | bigint>({ firsts, lasts }: Intervals<T>, address: T): boolean {
  let low = 0;
  let high = firsts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    // Within the list: low <= middle < high.
    if ((firsts[middle] as T) <= address) low = middle + 1;
    else high = middle;
  }
  return low > 0 && address <= (lasts[low - 1] as T);
}
