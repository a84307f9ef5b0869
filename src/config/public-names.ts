/** Which names a public authority can vouch for. */
import { isIP } from "node:net";

/** RFC 6761, RFC 6762, RFC 8375, and what is in use without one. */
const LOCAL = /(?:^|\.)(?:localhost|local|test|example|invalid|internal|lan|home|corp|home\.arpa)$/;

/** RFC 6890: addresses that are somebody else's in every network. */
const LOCAL_ADDRESS =
  /^(?:0|10|127|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.|^\[(?:::1?\]|f[cd]|fe[89ab])/;

/** A host that the world may know by this name. */
export function isPublicHost(name: string): boolean {
  return isExact(name) && !isAddressName(name) && name.includes(".") && !LOCAL.test(name);
}

export function isPublicAddress(name: string): boolean {
  return isAddressName(name) && !LOCAL_ADDRESS.test(name);
}

/** An IP address as a Host has it: those of version 6 in brackets. */
export function isAddressName(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, "")) !== 0;
}

/** No pattern. */
export function isExact(name: string): boolean {
  return !/^[~.]|\*/.test(name);
}
