/**
 * IP addresses between text, numbers and the bytes of the wire. An IPv4 address is a number, an IPv6 address a bigint; an
 * IPv4 address that is mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) is the IPv4 address.
 */

/** An IPv4 address (also one mapped into IPv6) as a number, an IPv6 address as a bigint, undefined when it is neither.
 *  A zone (`fe80::1%eth0`) is left out of account. */
export function parseAddress(text: string): number | bigint | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const zone = text.indexOf("%");
  const address = parseIpv6(zone === -1 ? text : text.slice(0, zone));
  if (address === undefined || address >> 32n !== 0xffffn) return address;
  return Number(address & 0xffffffffn);
}

/** Reached from this machine alone (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). */
export function isLoopback(address: string): boolean {
  const parsed = parseAddress(address);
  return typeof parsed === "number" ? Math.trunc(parsed / 2 ** 24) === 127 : parsed === 1n;
}

/** Four decimal octets without leading zeros, which some take for octal (CVE-2021-29921). */
function parseIpv4(text: string): number | undefined {
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (octet === -1 || ++dots > 3) return undefined;
      address = address * 256 + octet;
      octet = -1;
      continue;
    }
    if (code < 0x30 || code > 0x39 || octet === 0) return undefined;
    octet = (octet === -1 ? 0 : octet * 10) + code - 0x30;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet !== -1 ? address * 256 + octet : undefined;
}

/** RFC 4291 section 2.2: groups, one `::`, and dotted decimal for the last two groups. */
function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let address = 0n;
  for (const group of [...head, ...Array.from({ length: missing }, () => 0), ...tail]) {
    address = (address << 16n) | BigInt(group);
  }
  return address;
}

/** `last`: may its end be dotted decimal? */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      const address = parseIpv4(part);
      if (address === undefined) return undefined;
      groups.push(Math.floor(address / 65536), address % 65536);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** Four or sixteen bytes in network order as text: `192.0.2.7`; `2001:db8::1` (RFC 5952); mapped ones as IPv4. */
export function showAddressBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return bytes.subarray(12).join(".");
  return showGroups(groups);
}

/** RFC 5952 section 4: lower case, no leading zeros, `::` for the first longest run of two zero groups or more. */
function showGroups(groups: readonly number[]): string {
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
  }
  const show = (some: readonly number[]) => some.map((group) => group.toString(16)).join(":");
  if (start === -1) return show(groups);
  return `${show(groups.slice(0, start))}::${show(groups.slice(start + length))}`;
}
