/**
 * Version 1 of the PROXY protocol: one line of text (section 2.1 of its specification).
 *
 *   PROXY TCP4 192.0.2.7 198.51.100.1 50123 443\r\n
 *   PROXY TCP6 2001:db8::7 2001:db8::1 50123 443\r\n
 *   PROXY UNKNOWN…\r\n                                  whatever stands behind UNKNOWN is ignored
 */
import { parseAddress } from "../../base/ip-address.ts";
import { type HeaderOutcome, NO_ADDRESSES } from "./addresses.ts";

export const VERSION_1_START = Buffer.from("PROXY ");

/** The longest line that the specification knows, CR LF included. */
export const VERSION_1_BYTES_MAX = 107;

/** `line` without its end. */
export function parseVersion1(line: string): HeaderOutcome {
  const parts = line.split(" ");
  const [, family, source = "", destination = ""] = parts;
  if (family === "UNKNOWN") return NO_ADDRESSES;
  if (family !== "TCP4" && family !== "TCP6") return { refused: `its family is ${JSON.stringify(family)}` };
  if (parts.length !== 6) return { refused: `it has ${parts.length} parts instead of 6` };
  for (const address of [source, destination]) {
    if (!isOfFamily(address, family)) return { refused: `${JSON.stringify(address)} is no ${family} address` };
  }
  const sourcePort = parsePort(parts[4]);
  const destinationPort = parsePort(parts[5]);
  if (sourcePort === undefined || destinationPort === undefined) return { refused: "a port is not 0 to 65535" };
  return { sourceAddress: source, sourcePort, destinationAddress: destination, destinationPort };
}

/** An IPv4 address that is mapped into IPv6 is a TCP6 address here. */
function isOfFamily(address: string, family: "TCP4" | "TCP6"): boolean {
  if (parseAddress(address) === undefined || address.includes("%")) return false;
  return address.includes(":") === (family === "TCP6");
}

function parsePort(text = ""): number | undefined {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : 65_536;
  return port <= 65_535 ? port : undefined;
}
