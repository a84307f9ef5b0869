/** Where the requests of a configuration are booked: the numbers of their route, and the access log of their site. */
import type { RouteConfig, SiteConfig } from "../config/config.ts";
import type { Account } from "../exchange/exchange.ts";
import type { AccessLogs } from "./access-logs.ts";
import type { Accounts } from "./assemble.ts";
import { Booking, type RouteCounters } from "../exchange/route-counts.ts";

export function makeAccounts(logs: AccessLogs, counters: RouteCounters): Accounts {
  const of = (site: SiteConfig, route?: RouteConfig): Account => {
    const key = { site: site.label, route: route?.pattern ?? "", target: targetOf(route) };
    return new Booking(counters.of(key), logs.of(site, route));
  };
  const nowhere = counters.of({ site: "", route: "", target: "" });
  const ofApp = (app: string) => new Booking(counters.of({ site: "", route: "", target: `app:${app}` }), logs.server);
  return { server: new Booking(nowhere, logs.server), of, ofApp };
}

function targetOf(route: RouteConfig | undefined): string {
  if (route === undefined) return "";
  const { target } = route;
  if (target.kind === "app") return `app:${target.app}`;
  return target.kind === "upstream" ? `upstream:${target.upstream}` : target.kind;
}
