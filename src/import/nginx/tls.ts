/** ssl_certificate and what stands beside it → `tls` of a site. Protocols and ciphers are chosen by policy here. */
import type { Settings, SiteKey, Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Listen } from "./listen.ts";
import type { Directive } from "./parser.ts";
import { fileOf, type Translation } from "./translation.ts";

/** Decided here without being told, or of no use any more. */
const NOT_NEEDED: Readonly<Record<string, string>> = {
  ssl_ciphers: "ciphers are those of the policy",
  ssl_prefer_server_ciphers: "ciphers are those of the policy",
  ssl_ecdh_curve: "curves are those of the policy",
  ssl_dhparam: "keys are agreed on by elliptic curves",
  ssl_session_cache: "sessions are taken up again by tickets",
  ssl_session_timeout: "sessions are taken up again by tickets",
  ssl_session_tickets: "sessions are taken up again by tickets",
  ssl_buffer_size: "records are as large as what is sent",
  ssl_stapling: "authorities have stopped to answer such questions (OCSP)",
  ssl_stapling_verify: "authorities have stopped to answer such questions (OCSP)",
  ssl_trusted_certificate: "it served stapling, which is not needed any more",
  ssl_early_data: "requests that could be replayed are not taken early",
};

export function siteTls(t: Translation, block: Block, listens: readonly Listen[], settings: Settings<SiteKey>): void {
  const certs = block.inForce("ssl_certificate");
  const isTls = listens.some((listen) => listen.isTls);
  if (!isTls) {
    const own = block.directives.filter(({ name }) => name.startsWith("ssl_") || name === "ssl");
    for (const each of own) t.ledger.noEffect(each, "no listen of this server says ssl");
    return;
  }
  for (const [name, why] of Object.entries(NOT_NEEDED))
    for (const each of block.inForce(name)) t.ledger.notNeeded(each, why);
  const keys = block.inForce("ssl_certificate_key");
  if (certs.length === 0 || keys.length !== certs.length) {
    const listen = listens.find((each) => each.isTls)?.directive;
    if (listen !== undefined)
      t.ledger.error(listen, "says ssl, and there is no ssl_certificate with its ssl_certificate_key");
    for (const each of [...certs, ...keys])
      t.ledger.error(each, "is one of a pair: ssl_certificate and ssl_certificate_key");
    return;
  }
  const files = (lines: readonly Directive[]) => lines.flatMap((line) => fileOf(t, line) ?? []);
  const [cert, key] = [files(certs), files(keys)];
  const tls = {
    cert: oneOrAll(cert),
    key: oneOrAll(key),
    ...policy(t, block),
    ...clients(t, block),
    ...passphrase(t, block),
  };
  settings.set("tls", tls, certs[0]?.origin);
  for (const each of [...certs, ...keys]) t.ledger.translated(each, "tls; a renewed certificate is taken up by itself");
  if (listens.every((listen) => listen.isTls)) return;
  settings.set(
    "https_redirect",
    false,
    undefined,
    "As in nginx, which served both. Without this line plain requests are sent to https.",
  );
}

function oneOrAll(values: readonly string[]): Value {
  return values.length === 1 ? (values[0] as string) : values; // length 1
}

function policy(t: Translation, block: Block): Record<string, Value> {
  const line = block.one("ssl_protocols");
  if (line === undefined) return {};
  const versions = line.args.map(({ text }) => text);
  if (versions.join(" ") === "TLSv1.3") {
    t.ledger.translated(line, 'tls: policy = "modern"');
    return { policy: "modern" };
  }
  const old = versions.filter((version) => !/^TLSv1\.[23]$/.test(version));
  const what =
    old.length === 0
      ? "TLS 1.2 and 1.3 are spoken"
      : `TLS 1.2 and 1.3 are spoken; ${old.join(", ")} is not, since it is broken`;
  t.ledger.defaultHere(line, what);
  return {};
}

/** ssl_verify_client and the authority that it asks. */
function clients(t: Translation, block: Block): Record<string, Value> {
  const authority = block.one("ssl_client_certificate");
  const verify = block.one("ssl_verify_client");
  const mode = verify?.args[0]?.text ?? "off";
  if (authority === undefined || verify === undefined || mode === "off") return {};
  const file = fileOf(t, authority);
  if (file === undefined) return {};
  if (mode === "optional_no_ca") t.ledger.lost(verify, "a certificate of any authority is not taken here");
  else for (const each of [authority, verify]) t.ledger.translated(each, "tls: client_ca");
  return { client_ca: file, ...(mode === "optional" && { client_auth: "optional" }) };
}

function passphrase(t: Translation, block: Block): Record<string, Value> {
  const line = block.one("ssl_password_file");
  const file = line === undefined ? undefined : fileOf(t, line);
  if (line === undefined || file === undefined) return {};
  t.ledger.translated(line, "tls: passphrase_file");
  return { passphrase_file: file };
}
