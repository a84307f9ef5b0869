/**
 * charset, charset_types → `charset`, `charset_types`. Texts are not converted here: what was written for conversions is
 * said to be lost where there is one, and without effect where there is none.
 */
import { isCharset } from "../../config/http-kinds.ts";
import type { RouteKey, Settings, SiteKey } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import type { Translation } from "./translation.ts";

type Key = RouteKey & SiteKey;

interface Place {
  readonly isNew: (...names: string[]) => boolean;
  /** What is in force for the site, of one of its locations; else "off". */
  readonly around: string;
}

export function charset(t: Translation, block: Block, settings: Settings<Key>, { isNew, around }: Place): void {
  conversions(t, block);
  const directive = block.one("charset");
  const types = block.one("charset_types");
  const name = directive?.args[0]?.text ?? "off";
  if (name === "off" && types !== undefined) t.ledger.noEffect(types, "without a charset");
  if (directive === undefined) return;
  if (name === "off" && around === "off") return t.ledger.defaultHere(directive, "none is added");
  if (name.includes("$"))
    return t.ledger.lost(directive, "one that depends on the request has no counterpart; name it");
  if (name !== "off" && !isCharset(name))
    return t.ledger.lost(directive, `${name} is no charset that browsers know; write the name of one`);
  if (isNew("charset")) settings.set("charset", name, directive.origin);
  const files = name === "off" || types !== undefined ? "" : "; of files on every textual type";
  t.ledger.translated(directive, `charset = ${JSON.stringify(name)}${files}`);
  if (types !== undefined && name !== "off" && isNew("charset", "charset_types")) addTypes(t, types, settings);
}

function addTypes(t: Translation, directive: Directive, settings: Settings<Key>): void {
  const listed = directive.args.map(({ text }) => text.toLowerCase());
  const all = listed.includes("*") ? ["*/*"] : [...new Set(["text/html", ...listed])];
  settings.set("charset_types", all, directive.origin);
  t.ledger.translated(directive, "charset_types");
}

function conversions(t: Translation, block: Block): void {
  const isConverted = block.inForce("charset_map").length > 0;
  for (const name of ["source_charset", "override_charset"]) {
    const directive = block.one(name);
    if (directive === undefined) continue;
    if (isConverted && directive.args[0]?.text !== "off") t.ledger.lost(directive, "texts are not converted");
    else t.ledger.noEffect(directive, "without charset_map nothing is converted");
  }
}
