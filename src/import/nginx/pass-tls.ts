/**
 * proxy_ssl_* → `tls` of an upstream. nginx believes whoever answers unless it is told to verify; here it is the other way
 * round, so that has to be written down.
 */
import type { Settings, UpstreamKey, Value } from "../plan.ts";
import type { Block } from "./block.ts";
import { type Translation, fileOf, stringOf } from "./translation.ts";

const FILES = {
  proxy_ssl_trusted_certificate: "ca",
  proxy_ssl_certificate: "cert",
  proxy_ssl_certificate_key: "key",
} as const;

const NAMES = [...Object.keys(FILES), "proxy_ssl_name", "proxy_ssl_verify"];

export function passTls(t: Translation, block: Block, isTls: boolean, settings: Settings<UpstreamKey>): void {
  if (!isTls) {
    for (const name of NAMES)
      for (const each of block.inForce(name)) t.ledger.noEffect(each, "this is passed without TLS");
    return;
  }
  const verify = block.one("proxy_ssl_verify");
  const isVerified = verify?.args[0]?.text === "on";
  const table: Record<string, Value> = { ...files(t, block, isVerified), ...nameOf(t, block) };
  if (!isVerified) table["verify"] = false;
  if (verify !== undefined) t.ledger.translated(verify, `upstream: tls = { verify = ${String(isVerified)} }`);
  if (Object.keys(table).length === 0) return;
  const comment = isVerified ? undefined : "nginx believes whoever answers; without this certificates are verified";
  settings.set("tls", table, verify?.origin, comment);
}

/** Whom to believe says nothing where everyone is believed. */
function files(t: Translation, block: Block, isVerified: boolean): Record<string, Value> {
  const table: Record<string, Value> = {};
  for (const [name, key] of Object.entries(FILES)) {
    const directive = block.one(name);
    if (directive === undefined) continue;
    if (key === "ca" && !isVerified) t.ledger.noEffect(directive, "without proxy_ssl_verify on");
    else {
      const file = fileOf(t, directive);
      if (file === undefined) continue;
      table[key] = file;
      t.ledger.translated(directive, `upstream: tls = { ${key} }`);
    }
  }
  return table;
}

function nameOf(t: Translation, block: Block): Record<string, Value> {
  const directive = block.one("proxy_ssl_name");
  const written = directive?.args[0]?.text ?? "";
  if (directive === undefined) return {};
  if (written === "$proxy_host") {
    t.ledger.defaultHere(directive, "servers are told the name of their address");
    return {};
  }
  const name = stringOf(t, directive, written);
  if (name === undefined) return {};
  if (name.includes("$") && !name.startsWith("$ENV{")) {
    t.ledger.lost(directive, "is one for all requests here; write the name that the certificate has");
    return {};
  }
  t.ledger.translated(directive, "upstream: tls = { server_name }");
  return { server_name: name };
}
