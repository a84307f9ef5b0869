/** `server config schema | show | explain`: what may stand in server.toml, and what is in force. */
import type { KeyExplanation } from "../config/explain-key.ts";
import { CONFIG_OPTION, type Command, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";

export const CONFIG: Command = {
  name: "config",
  summary: "Show what is in force and from where, explain a key, or print the JSON Schema",
  usage: "show [KEY] | explain KEY | schema [-c FILE] [--json]",
  doc:
    "show prints the configuration with file and line of each value; what the file leaves out stands behind a # with its " +
    "default, or what it was derived from; secrets stand as $ENV{…} or ***. KEY is app.mysite, server.keepalive_timeout and " +
    "the like. explain says what a key means, its default, its bounds, and what nginx and uWSGI call it; it finds keys by those names, too. schema prints a " +
    "JSON Schema for editors; `#:schema ./server.schema.json` at the head of server.toml names it.",
  options: {
    config: CONFIG_OPTION,
    json: { type: "boolean", short: "j", value: "", doc: "Prints JSON." },
  },
  positionalsMax: 2,
  words: ["show", "explain", "schema"],
  async run(given, terminal) {
    const [action, key] = given.positionals;
    if (action === "schema" && key === undefined) return printSchema(terminal);
    if (action === "show") return show(given, key, terminal);
    if (action === "explain" && key !== undefined) return explain(given, key, terminal);
    const what = action === "explain" ? "a KEY is missing" : "say what: show, explain KEY or schema";
    terminal.stderr(`server config: ${what}\nserver config --help shows how it is used.\n`);
    return EXIT_USAGE;
  },
};

async function printSchema(terminal: Terminal): Promise<number> {
  const { editorSchema } = await import("../config/editor-schema.ts");
  terminal.stdout(`${JSON.stringify(editorSchema(), null, 2)}\n`);
  return EXIT_OK;
}

async function show(given: Given, key: string | undefined, terminal: Terminal): Promise<number> {
  const { readConfiguration, configurationPath } = await import("./configuration.ts");
  const { file, config } = readConfiguration(given, terminal);
  if (config === undefined) return EXIT_USAGE;
  const { effective } = await import("../config/effective.ts");
  const { selected, effectiveJson, effectiveText } = await import("./config-text.ts");
  const { groups = [] } = effective(configurationPath(given, terminal), terminal.environment);
  const shown = key === undefined ? groups : selected(groups, key);
  if (shown.length === 0) {
    terminal.stderr(
      `server config: ${file} has no ${JSON.stringify(key)}; server config explain ${key} tells of keys\n`,
    );
    return EXIT_USAGE;
  }
  const json = given.options["json"] === true;
  terminal.stdout(
    json ? `${JSON.stringify(effectiveJson(shown), null, 2)}\n` : effectiveText(shown, file, terminal.colour.stdout),
  );
  return EXIT_OK;
}

async function explain(given: Given, asked: string, terminal: Terminal): Promise<number> {
  const { explainKey, keysOfTable } = await import("../config/explain-key.ts");
  const { keys: found, suggestion } = explainKey(asked);
  const ofTable = found.length === 0 ? keysOfTable(asked) : [];
  const keys = [...found, ...ofTable];
  if (keys.length === 0) {
    const offer = suggestion === undefined ? "server help config shows all of them" : `did you mean ${suggestion}?`;
    terminal.stderr(`server config: there is no key ${JSON.stringify(asked)}; ${offer}\n`);
    return EXIT_USAGE;
  }
  const { explanationText, tableText } = await import("./config-text.ts");
  if (given.options["json"] === true) terminal.stdout(`${JSON.stringify(keys.map(forJson), null, 2)}\n`);
  else if (ofTable.length > 0) terminal.stdout(tableText(ofTable, terminal.colour.stdout));
  else terminal.stdout(keys.map((each) => explanationText(each, terminal.colour.stdout)).join("\n"));
  return EXIT_OK;
}

/** With null where there is nothing, so that every key is there. */
function forJson({ key, alsoIn, doc, expected, fallback, only, nginx, uwsgi }: KeyExplanation): object {
  const [standard, beside, ofNginx, ofUwsgi] = [fallback, only, nginx, uwsgi].map((each) => each ?? null);
  return {
    key,
    also_in: alsoIn,
    doc,
    expected,
    default: standard,
    only_beside: beside,
    nginx: ofNginx,
    uwsgi: ofUwsgi,
  };
}
