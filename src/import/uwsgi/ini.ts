/**
 * The ini form, as core/ini.c of uWSGI reads it and no other way: blanks around lines, keys and values are taken off; a
 * line that begins with `;` or `#` is a comment, and there are no others; the key ends at the first `=`, and a line without
 * one is a key as a whole; `[` begins the name of a section, which is everything but the last character of the line; all
 * sections of the same name count. Not here: what options mean, and magic variables (magic.ts).
 */
import type { Origin, SourceFile } from "../source.ts";
import type { Complain, Option } from "./option.ts";

export interface Ini {
  /** Of the section that was asked for. */
  readonly options: readonly Option[];
  /** The names of all sections, as uWSGI takes them. */
  readonly sections: readonly string[];
}

/** What an unfinished merge leaves behind. */
const CONFLICT = /^(?:<{7}(?: .*)?|={7}|>{7}(?: .*)?|\|{7}(?: .*)?)$/;

export function readIni(file: SourceFile, section: string, complain: Complain): Ini {
  const options: Option[] = [];
  const sections: string[] = [];
  let current = "";
  let start = 0;
  for (const raw of file.text.split("\n")) {
    const line = strip(raw);
    const origin = file.at(start + raw.indexOf(line[0] ?? ""), Math.max(1, line.length));
    start += raw.length + 1;
    if (line === "" || line.startsWith(";") || line.startsWith("#")) continue;
    if (CONFLICT.test(line)) {
      complain(
        origin,
        line,
        "is left of a merge that was not finished; keep one of the two sides and take the marks out",
      );
    } else if (line.startsWith("[")) {
      current = sectionName(line, origin, complain);
      sections.push(current);
    } else if (current === section) {
      // What a file that is read as UTF-8 has in the place of bytes that are none.
      if (line.includes("\uFFFD")) complain(origin, line, "is not UTF-8, which server.toml is; save the file in it");
      options.push(readOption(line, origin));
    }
  }
  return { options, sections };
}

function sectionName(line: string, origin: Origin, complain: Complain): string {
  const name = line.slice(1, -1);
  const intended = /^\[([^\]]*)\]/.exec(line)?.[1];
  if (intended !== name)
    complain(
      origin,
      line,
      `is the section ${JSON.stringify(name)} to uWSGI, since a name goes on to the end of the line; write [${intended ?? name}] alone on the line`,
    );
  return name;
}

function readOption(line: string, origin: Origin): Option {
  const equals = line.indexOf("=");
  if (equals === -1) return { key: line, value: "", origin };
  return { key: strip(line.slice(0, equals)), value: strip(line.slice(equals + 1)), origin };
}

/** uWSGI's blanks. */
function strip(text: string): string {
  return text.replace(/^[ \t\r]+|[ \t\r]+$/g, "");
}
