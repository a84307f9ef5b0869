/** The JSON form of uWSGI's configuration: `{"uwsgi": {"option": value, …}}`, where a list is an option for each element. */
import type { SourceFile } from "../source.ts";
import type { Ini } from "./ini.ts";
import type { Complain, Option } from "./option.ts";

export function readJson(file: SourceFile, section: string, complain: Complain): Ini {
  const document = parse(file, complain);
  const sections = isObject(document) ? Object.keys(document) : [];
  const wanted = isObject(document) ? document[section] : undefined;
  if (!isObject(wanted)) return { options: [], sections };
  let from = 0;
  const options = Object.entries(wanted).flatMap(([key, value]): Option[] => {
    const quoted = JSON.stringify(key);
    const offset = Math.max(0, file.text.indexOf(quoted, from));
    from = offset + 1;
    const values = Array.isArray(value) ? value : [value];
    return values.map((each) => ({ key, value: scalar(each), origin: file.at(offset, quoted.length) }));
  });
  return { options, sections };
}

function parse(file: SourceFile, complain: Complain): unknown {
  try {
    return JSON.parse(file.text);
  } catch (error) {
    complain(file.at(0), file.name, `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** As yajl hands them to uWSGI. */
function scalar(value: unknown): string {
  if (value === null || value === false) return "0";
  return value === true ? "1" : String(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
