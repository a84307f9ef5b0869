/** types { } → those that say something else than what is known here. */
import { contentTypeOf } from "../../files/mime.ts";
import type { Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Translation } from "./translation.ts";

/** Subtypes that were renamed without a change of meaning. */
const SAME: Readonly<Record<string, string>> = {
  "application/javascript": "text/javascript",
  "application/x-javascript": "text/javascript",
  "text/xml": "application/xml",
  "application/font-woff": "font/woff",
  "image/x-ms-bmp": "image/bmp",
  "application/x-rar-compressed": "application/vnd.rar",
};

export function translateTypes(t: Translation, blocks: readonly Block[]): void {
  const types: Record<string, Value> = {};
  const directives = blocks.flatMap((block) => block.own("types"));
  for (const directive of directives) {
    let added = 0;
    for (const { name, args } of directive.block ?? []) {
      for (const { text } of args) {
        if (isKnown(text, name)) continue;
        types[`.${text.toLowerCase()}`] = name;
        added++;
      }
    }
    if (directive.block?.length === 0) t.ledger.dropped(directive, "extensions that are known keep their types");
    else if (added === 0) t.ledger.defaultHere(directive, "these types are known");
    else t.ledger.translated(directive, `types, the ${added} that are not known`);
  }
  if (Object.keys(types).length > 0) t.plan.server.set("types", types, directives[0]?.origin);
}

function isKnown(extension: string, type: string): boolean {
  const known = contentTypeOf(`x.${extension}`, undefined);
  return known === type || known === SAME[type] || SAME[known] === type;
}
