/** The servers of an upstream as TLS sees them: one context for all of them, and whom each must prove to be. */
import { isIP } from "node:net";
import { type ClientContext, type ClientTls, makeClientContext, THE_ADDRESS } from "../net/connect-tls.ts";
import type { TlsOptions } from "./options.ts";
import type { Peer } from "./peer.ts";

export class SecureServers {
  private readonly options: TlsOptions;
  private readonly context: ClientContext;
  private readonly known = new Map<string, ClientTls>();

  constructor(options: TlsOptions) {
    this.options = options;
    this.context = makeClientContext(options);
  }

  /** A peer may be one address of a name: the name is what its certificate holds. */
  towards(peer: Peer): ClientTls {
    const { address } = peer.options;
    const host = address.kind === "tcp" ? address.host : "localhost";
    const serverName = this.options.serverName ?? (isIP(host) === 0 ? host : THE_ADDRESS);
    const known = this.known.get(serverName);
    if (known !== undefined) return known;
    const made = { context: this.context, serverName, verify: this.options.verify };
    this.known.set(serverName, made);
    return made;
  }
}
