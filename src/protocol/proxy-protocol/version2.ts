/**
 * Version 2 of the PROXY protocol: a binary block (section 2.2 of its specification).
 *
 *    0          12         13          14        16
 *   ┌──────────┬──────────┬───────────┬─────────┬───────────┬────────┐
 *   │signature │ver, cmd  │family,    │length   │ addresses │ TLVs   │      length: addresses and TLVs, big-endian
 *   │ 12 bytes │ 0x20 0x21│transport  │ 16 bits │           │        │
 *   └──────────┴──────────┴───────────┴─────────┴───────────┴────────┘
 *
 *   0x11 TCP over IPv4    source 4, destination 4, source port 2, destination port 2
 *   0x21 TCP over IPv6    source 16, destination 16, source port 2, destination port 2
 *   0x31 unix stream      source 108, destination 108
 *   0x00 unspecified      nothing that is looked at
 */
import { showAddressBytes } from "../../base/ip-address.ts";
import { type HeaderOutcome, NO_ADDRESSES } from "./addresses.ts";

export const VERSION_2_START = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** Signature, version and command, family and transport, length. */
export const VERSION_2_HEAD_BYTES = 16;

const UNIX_ADDRESSES_BYTES = 216;

/** Of the whole header; there are VERSION_2_HEAD_BYTES of it. */
export function version2Length(bytes: Buffer): number {
  return VERSION_2_HEAD_BYTES + bytes.readUInt16BE(14);
}

/** `header` whole. TLVs are skipped: none of them changes who the peer is. */
export function parseVersion2(header: Buffer): HeaderOutcome {
  const versionCommand = header.readUInt8(12);
  if (versionCommand >> 4 !== 2) return { refused: `its version is ${versionCommand >> 4}` };
  const command = versionCommand & 0x0f;
  // LOCAL: the balancer speaks for itself, and its addresses must be ignored.
  if (command === 0) return NO_ADDRESSES;
  if (command !== 1) return { refused: `its command is ${command}` };
  return parseAddresses(header.readUInt8(13), header.subarray(VERSION_2_HEAD_BYTES));
}

function parseAddresses(family: number, block: Buffer): HeaderOutcome {
  switch (family) {
    case 0x00:
      return NO_ADDRESSES;
    case 0x11:
      return inetAddresses(block, 4);
    case 0x21:
      return inetAddresses(block, 16);
    case 0x31:
      return block.length < UNIX_ADDRESSES_BYTES ? tooShort(block) : UNIX_ADDRESSES;
    default:
      return { refused: `its family and transport are 0x${family.toString(16).padStart(2, "0")}` };
  }
}

const UNIX_ADDRESSES: HeaderOutcome = {
  sourceAddress: "unix:",
  sourcePort: 0,
  destinationAddress: "unix:",
  destinationPort: 0,
};

/** `size`: bytes of one address. */
function inetAddresses(block: Buffer, size: 4 | 16): HeaderOutcome {
  if (block.length < 2 * size + 4) return tooShort(block);
  return {
    sourceAddress: showAddressBytes(block.subarray(0, size)),
    sourcePort: block.readUInt16BE(2 * size),
    destinationAddress: showAddressBytes(block.subarray(size, 2 * size)),
    destinationPort: block.readUInt16BE(2 * size + 2),
  };
}

function tooShort(block: Buffer): HeaderOutcome {
  return { refused: `${block.length} bytes do not hold its addresses` };
}
