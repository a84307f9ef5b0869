/**
 * The YAML form of uWSGI's configuration: a mapping `uwsgi:` of options, whose values are scalars or lists of them (an
 * option each). Only this much of YAML; of more, uWSGI's own reader (core/yaml.c) understands nothing either.
 */
import type { SourceFile } from "../source.ts";
import type { Ini } from "./ini.ts";
import type { Complain, Option } from "./option.ts";

interface Line {
  readonly indent: number;
  readonly text: string;
  readonly offset: number;
}

export function readYaml(file: SourceFile, section: string, complain: Complain): Ini {
  const options: Option[] = [];
  const sections: string[] = [];
  let current: string | undefined;
  /** The key of a list that goes on. */
  let listed: string | undefined;
  for (const { indent, text, offset } of linesOf(file)) {
    const origin = file.at(offset, text.length);
    const [, item] = /^-\s+(.*)$/.exec(text) ?? [];
    const [, key, value] = /^("[^"]*"|'[^']*'|[^\s:][^:]*?)\s*:(?:\s+(.*))?$/.exec(text) ?? [];
    if (indent === 0 && item === undefined) {
      current = key === undefined ? undefined : unquote(key);
      if (current !== undefined) sections.push(current);
      listed = undefined;
    } else if (current !== section) continue;
    else if (item !== undefined && listed !== undefined) options.push({ key: listed, value: unquote(item), origin });
    else if (key === undefined) complain(origin, text, "should be `option: value`");
    else {
      const values = value === undefined ? [] : scalars(value);
      listed = values.length === 0 ? unquote(key) : undefined;
      options.push(...values.map((each) => ({ key: unquote(key), value: each, origin })));
    }
  }
  return { options, sections };
}

function linesOf(file: SourceFile): Line[] {
  let start = 0;
  return file.text.split("\n").flatMap((raw) => {
    const offset = start;
    start += raw.length + 1;
    const text = withoutComment(raw.replace(/\r$/, ""));
    const indent = text.length - text.trimStart().length;
    const isText = text.trim() !== "" && !/^(?:---|\.\.\.|%)/.test(text);
    return isText ? [{ indent, text: text.trim(), offset: offset + indent }] : [];
  });
}

/** `#` begins a comment at the beginning of a line or behind a blank, but not in quotes. */
function withoutComment(line: string): string {
  return line.replace(/^((?:"(?:\\.|[^"\\])*"|'[^']*'|[^"'#]|(?<=\S)#|(?<=\w)')*?)(?:(?:^|\s)#.*)$/, "$1");
}

function scalars(value: string): string[] {
  const [, list] = /^\[(.*)\]$/.exec(value) ?? [];
  return list === undefined ? [unquote(value)] : list.split(",").map((each) => unquote(each.trim()));
}

function unquote(text: string): string {
  if (/^".*"$/.test(text)) return text.slice(1, -1).replace(/\\(["\\])/g, "$1");
  return /^'.*'$/.test(text) ? text.slice(1, -1).replaceAll("''", "'") : text;
}
