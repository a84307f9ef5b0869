/**
 * The header that a load balancer sends before anything else, to say whom a connection is from (HAProxy's PROXY protocol,
 * versions 1 and 2). Strict: a listener that expects it takes nothing else, since what follows would be believed.
 *
 *   receive(bytes)…  next() → need-data | header | failed;  then `addresses` (none: the connection's own hold), takeRest()
 *
 * Not here: who may connect to such a listener (the firewall, a unix socket's mode), and the deadline.
 * Specification: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.
 */
import { EMPTY } from "../../base/bytes.ts";
import { type HeaderOutcome, NO_ADDRESSES, type ProxiedAddresses } from "./addresses.ts";
import { parseVersion1, VERSION_1_BYTES_MAX, VERSION_1_START } from "./version1.ts";
import { parseVersion2, VERSION_2_HEAD_BYTES, VERSION_2_START, version2Length } from "./version2.ts";

/** Version 2 with its TLVs. The specification wants all of it in the first segment; certificates in TLVs make it larger.
 *  HAProxy reads what fits in its buffer (16 KiB). */
export const HEADER_BYTES_MAX = 4096;

export type ProxyHeaderEvent = "need-data" | "header" | "failed";

export class ProxyHeaderParser {
  /** After `header`. */
  addresses: ProxiedAddresses | undefined = undefined;
  /** After `failed`: for the log. */
  failure = "";
  private bytes: Buffer = EMPTY;

  receive(bytes: Uint8Array): void {
    // Once for most connections: the header comes in one segment.
    this.bytes = this.bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.bytes, bytes]);
  }

  next(): ProxyHeaderEvent {
    const { bytes } = this;
    if (startsLike(bytes, VERSION_2_START)) return this.nextVersion2();
    if (startsLike(bytes, VERSION_1_START)) return this.nextVersion1();
    return this.fail("it begins with neither PROXY nor the signature of version 2");
  }

  /** What came behind the header: the first bytes of the connection proper. */
  takeRest(): Uint8Array {
    const { bytes } = this;
    this.bytes = EMPTY;
    return bytes;
  }

  private nextVersion1(): ProxyHeaderEvent {
    const { bytes } = this;
    const end = bytes.subarray(0, VERSION_1_BYTES_MAX).indexOf("\r\n");
    if (end !== -1) return this.finish(parseVersion1(bytes.latin1Slice(0, end)), end + 2);
    if (bytes.length >= VERSION_1_BYTES_MAX) return this.fail(`its line is longer than ${VERSION_1_BYTES_MAX} bytes`);
    return "need-data";
  }

  private nextVersion2(): ProxyHeaderEvent {
    const { bytes } = this;
    if (bytes.length < VERSION_2_HEAD_BYTES) return "need-data";
    const length = version2Length(bytes);
    if (length > HEADER_BYTES_MAX) return this.fail(`it has ${length} bytes, more than ${HEADER_BYTES_MAX}`);
    if (bytes.length < length) return "need-data";
    return this.finish(parseVersion2(bytes.subarray(0, length)), length);
  }

  private finish(outcome: HeaderOutcome, length: number): ProxyHeaderEvent {
    if (outcome !== NO_ADDRESSES && "refused" in outcome) return this.fail(outcome.refused);
    this.addresses = outcome === NO_ADDRESSES ? undefined : outcome;
    this.bytes = this.bytes.subarray(length);
    return "header";
  }

  private fail(why: string): ProxyHeaderEvent {
    this.failure = why;
    this.bytes = EMPTY;
    return "failed";
  }
}

/** Is one a beginning of the other? */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}
