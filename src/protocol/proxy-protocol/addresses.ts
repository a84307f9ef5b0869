/** What a PROXY protocol header of either version says, or why it says nothing. */

/** The two ends of the connection as the balancer saw them. Ports 0 and address `unix:` for a unix socket. */
export interface ProxiedAddresses {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

/** A header without addresses: a health check of the balancer itself (LOCAL), or a protocol it cannot name (UNKNOWN). */
export const NO_ADDRESSES = "no addresses";

/** Addresses, none, or why the header is refused. */
export type HeaderOutcome = ProxiedAddresses | typeof NO_ADDRESSES | { readonly refused: string };
