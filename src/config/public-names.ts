/** Which names a public authority can vouch for. */
import { isIP } from "node:net";

/** RFC 6761, RFC 6762, RFC 8375, and what is in use without one. */
const LOCAL = /(?:^|\.)(?:localhost|local|test|example|invalid|internal|lan|home|corp|home\.arpa)$/;

/** A host that the world may know by this name. */
export function isPublicHost(name: string): boolean {
  return isExact(name) && isIP(name.replace(/^\[|\]$/g, "")) === 0 && name.includes(".") && !LOCAL.test(name);
}

/** No pattern. */
export function isExact(name: string): boolean {
  return !/^[~.]|\*/.test(name);
}
