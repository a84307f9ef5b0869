/**
 * Pieces of JSON Schema (draft-07, which the TOML plugins of editors read) that kinds of value are made of. A kind takes
 * more than its plain type: any string in which `$ENV{…}` stands may become what it should be when the file is loaded.
 * What only loading can know (whether a file exists, a name is known) is not said here. Whole: editor-schema.ts.
 */

export type Json = { readonly [key: string]: unknown };

/** Filled in when the file is loaded. */
const ENVIRONMENT: Json = { $ref: "#/definitions/environment" };

export const DEFINITIONS: Json = {
  environment: { type: "string", pattern: "\\$ENV\\{", description: "$ENV{NAME} or $ENV{NAME:-default}." },
};

export const TEXT: Json = { type: "string" };

export function anyOf(...schemas: readonly Json[]): Json {
  const flat = schemas.flatMap((each) => (Array.isArray(each["anyOf"]) ? (each["anyOf"] as Json[]) : [each]));
  // Two that say the same make the messages of editors twice as long.
  const unique = [...new Map(flat.map((each) => [JSON.stringify(each), each])).values()];
  const [first] = unique;
  return unique.length === 1 && first !== undefined ? first : { anyOf: unique };
}

/** Whole numbers, also as a string of this form. */
export function wholeNumber(minimum: number, maximum: number, pattern = "^\\d+$"): Json {
  return anyOf({ type: "integer", minimum, maximum }, { type: "string", pattern }, ENVIRONMENT);
}

export function oneOf(values: readonly (string | number | boolean)[]): Json {
  return anyOf({ enum: values }, ENVIRONMENT);
}

export const BOOLEAN: Json = anyOf({ type: "boolean" }, { enum: ["true", "false"] }, ENVIRONMENT);

export function listOrOne(item: Json): Json {
  return anyOf(item, { type: "array", items: item });
}

export function tableOf(item: Json): Json {
  return { type: "object", additionalProperties: item };
}
