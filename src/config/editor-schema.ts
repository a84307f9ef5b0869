/**
 * server.toml as JSON Schema (draft-07), for editors: `server config schema`. Generated from the schema that reads the file,
 * so that it cannot fall behind. It takes whatever loading takes, and refuses what is wrong by its shape alone.
 */
import { DEFINITIONS, type Json } from "./json-schema.ts";
import { tableJson } from "./keys.ts";
import { ROOT } from "./schema.ts";

export function editorSchema(): Json {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "server.toml",
    description: "The configuration of server: reverse proxy, static file server and WSGI application server.",
    ...tableJson(ROOT),
    definitions: DEFINITIONS,
  };
}
