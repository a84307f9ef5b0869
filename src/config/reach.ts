/** From where a server can be reached, by what it listens on. */
import { isLoopback } from "../base/ip-address.ts";
import type { Config, ListenAddress } from "./config.ts";

/** Every socket for requests, gateways' among them. */
export function addressesOf({ sites, apps }: Pick<Config, "sites" | "apps">): ListenAddress[] {
  return [...sites.flatMap((site) => site.listen), ...apps.flatMap((app) => app.uwsgiSockets)];
}

type Address = { readonly kind: "unix" } | { readonly kind: "tcp"; readonly host: string };

/** Only this machine can reach what listens there. */
export function isHere(address: Address): boolean {
  return address.kind === "unix" || isLoopback(address.host);
}

/** May Python be root? Where only this machine reaches it, as in development and in tests, a warning does. */
export function mayBeRoot(config: Pick<Config, "server" | "sites" | "apps">): boolean {
  return config.server.runAsRoot || addressesOf(config).every(isHere);
}
