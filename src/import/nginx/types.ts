/** types { } → those that say something else than what is known here; what they say in nginx of a block. */
import { basename } from "node:path";
import { EXTENSIONS } from "../../files/mime-table.ts";
import { contentTypeOf } from "../../files/mime.ts";
import type { Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
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

/** Where neither types nor default_type stand. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  html: ["text/html"],
  gif: ["image/gif"],
  jpg: ["image/jpeg"],
};
const DEFAULT_TYPE = "text/plain";

export function defaultTypeOf(block: Block): string {
  return block.value("default_type") ?? DEFAULT_TYPE;
}

/** Extension in lower case → type: of the nearest block that says some. A mime.types that is not there is taken for the usual
 *  one, in which a type may have its old name. */
export function typesInForce(block: Block): ReadonlyMap<string, readonly string[]> {
  const own = block.own("types").flatMap((each) => each.block ?? []);
  const isUsual = [...block.own("include"), ...own].some(isMimeTypes);
  if (!isUsual && !block.has("types"))
    return block.parent === undefined ? new Map(Object.entries(BUILT_IN)) : typesInForce(block.parent);
  const usual = Object.entries(EXTENSIONS).map(([type, written]) => [[type, ...oldNamesOf(type)], written.split(" ")]);
  const said = own.filter((line) => !isMimeTypes(line)).map(({ name, args }) => [[name], args.map(({ text }) => text)]);
  return new Map(
    [...(isUsual ? usual : []), ...said].flatMap(([names = [], extensions = []]) =>
      extensions.map((each) => [each.toLowerCase(), names] as const),
    ),
  );
}

function oldNamesOf(type: string): string[] {
  return Object.keys(SAME).filter((old) => SAME[old] === type);
}

function isMimeTypes({ name, args }: Directive): boolean {
  return name === "include" && basename(args[0]?.text ?? "") === "mime.types";
}
