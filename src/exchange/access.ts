/**
 * Who may ask, by address (nginx: ngx_http_access_module): rules in the order written, of which the first that matches
 * decides; whom none matches may. The address is that of the peer as far as it can be believed: behind trusted proxies
 * the one that they vouch for. Refused: 403, before anything of the request is looked at.
 */
import { compileAddressSet, parseAddressRange } from "./address-set.ts";
import { answer } from "./canned.ts";
import type { Handler } from "./exchange.ts";

const EVERYONE = "all";

/** `allow 10.0.0.0/8`, `deny all`, `allow unix:` */
export function isAccessRule(text: string): boolean {
  const rule = splitRule(text);
  return rule !== undefined && (rule.address === EVERYONE || parseAddressRange(rule.address) !== undefined);
}

interface Rule {
  readonly allowed: boolean;
  readonly address: string;
}

function splitRule(text: string): Rule | undefined {
  const [, verb, address = ""] = /^(allow|deny) (\S+)$/.exec(text) ?? [];
  return verb === undefined ? undefined : { allowed: verb === "allow", address };
}

/** Neighbours with one verdict are one set: which of them matches first does not matter. */
interface Step {
  readonly allowed: boolean;
  readonly addresses: string[];
  everyone: boolean;
}

/** `unsaid`: no rule matches. */
export type AccessVerdict = "allowed" | "denied" | "unsaid";

/** What the rules say of an address. Those that are none are left out: the configuration has refused them. */
export function compileVerdict(rules: readonly string[]): (address: string) => AccessVerdict {
  const steps: Step[] = [];
  for (const { allowed, address } of rules.flatMap((text) => splitRule(text) ?? [])) {
    const last = steps.at(-1);
    const step = last?.allowed === allowed ? last : { allowed, addresses: [], everyone: false };
    if (step !== last) steps.push(step);
    if (address === EVERYONE) step.everyone = true;
    else step.addresses.push(address);
  }
  const compiled = steps.map((step) => ({
    allowed: step.allowed,
    has: step.everyone ? () => true : compileAddressSet(step.addresses),
  }));
  return (address) => {
    for (const step of compiled) if (step.has(address)) return step.allowed ? "allowed" : "denied";
    return "unsaid";
  };
}

/** May this address ask? */
export function compileAccess(rules: readonly string[]): (address: string) => boolean {
  const verdictOn = compileVerdict(rules);
  return (address) => verdictOn(address) !== "denied";
}

/** Do the rules let everyone in whatever they say? A list of `allow` without `deny all` is a usual mistake. */
export function deniesNobody(rules: readonly string[]): boolean {
  return rules.length > 0 && !rules.some((rule) => rule.startsWith("deny "));
}

export function withAccess(rules: readonly string[], next: Handler): Handler {
  const allows = compileAccess(rules);
  return (exchange) => (allows(exchange.peer.remoteAddress) ? next(exchange) : answer(exchange, 403));
}

/** nginx: satisfy any. An address that a rule allows goes on as it is, every other one has to prove who asks: that no rule
 *  speaks of it is no proof. */
export function withAccessOr(rules: readonly string[], next: Handler, otherwise: Handler): Handler {
  const verdictOn = compileVerdict(rules);
  return (exchange) => (verdictOn(exchange.peer.remoteAddress) === "allowed" ? next(exchange) : otherwise(exchange));
}
