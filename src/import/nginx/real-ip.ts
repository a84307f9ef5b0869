/**
 * set_real_ip_from and what stands beside it (ngx_http_realip_module) → `trusted_proxies`. Here the client is the last
 * address of X-Forwarded-For that is none of the proxies, which is what real_ip_recursive makes of it.
 */
import type { ServerKey, Settings, SiteKey } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import type { Translation } from "./translation.ts";

type Key = ServerKey & SiteKey;

/** Fields that say no more than X-Forwarded-For does, which whoever sends them sends as well. */
const BESIDE_FORWARDED_FOR = new Set(["x-forwarded-for", "x-real-ip", "cf-connecting-ip", "true-client-ip"]);

/** Of http, or of a server that says it itself. */
export function realAddresses(t: Translation, block: Block, settings: Settings<ServerKey> | Settings<SiteKey>): void {
  const proxies = block.own("set_real_ip_from");
  const header = block.one("real_ip_header");
  const recursive = block.one("real_ip_recursive");
  const [first] = proxies;
  if (first === undefined) return noteWithoutProxies(t, block, [header, recursive]);
  const field = (header?.args[0]?.text ?? "X-Real-IP").toLowerCase();
  if (field === "proxy_protocol") return noteProtocol(t, [...proxies, header, recursive]);
  if (header !== undefined && !BESIDE_FORWARDED_FOR.has(field)) {
    return t.ledger.lost(header, "only X-Forwarded-For, X-Real-IP and Forwarded say here who the client is");
  }
  const addresses = proxies.flatMap((each) => addressOf(t, each) ?? []);
  if (addresses.length > 0) (settings as Settings<Key>).set("trusted_proxies", addresses, first.origin);
  if (header !== undefined) t.ledger.translated(header, `trusted_proxies: ${sentenceOf(field)}`);
  if (recursive !== undefined)
    t.ledger.translated(recursive, "trusted_proxies: the last address in X-Forwarded-For that is none of them");
}

function sentenceOf(field: string): string {
  const proto = "X-Forwarded-Proto is believed from there, too";
  return field === "x-forwarded-for" ? proto : `X-Forwarded-For is read first; ${proto}`;
}

function addressOf(t: Translation, directive: Directive): string | undefined {
  const address = directive.args[0]?.text ?? "";
  if (!/^[\d.:a-fA-F]+(\/\d+)?$|^unix:$/.test(address))
    return void t.ledger.lost(directive, "a proxy is named by its address or a range of them; write that");
  t.ledger.translated(directive, "trusted_proxies");
  return address;
}

/** The connection itself says who the client is. */
function noteProtocol(t: Translation, directives: readonly (Directive | undefined)[]): void {
  for (const each of directives)
    if (each !== undefined) t.ledger.translated(each, "proxy_protocol of listen says who the client is");
}

/** Inherited ones are those of the block around. */
function noteWithoutProxies(t: Translation, block: Block, directives: readonly (Directive | undefined)[]): void {
  if (block.inForce("set_real_ip_from").length > 0) return;
  for (const each of directives) {
    if (each !== undefined) t.ledger.noEffect(each, "without set_real_ip_from nobody is believed");
  }
}
