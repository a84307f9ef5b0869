/**
 * The XML form of uWSGI's configuration: `<uwsgi><option>value</option><flag/></uwsgi>`, an element for each option. With an
 * `id` on <uwsgi>, that is the section. Only this much of XML: no DTDs, no entities but the five.
 */
import type { SourceFile } from "../source.ts";
import type { Ini } from "./ini.ts";
import type { Complain, Option } from "./option.ts";

const ELEMENT = /<([\w.-]+)((?:\s+[\w.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(?:\/>|>([^<]*)<\/\1\s*>)/g;
const ROOT = /<uwsgi((?:\s+[\w.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*>([\s\S]*?)<\/uwsgi\s*>/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

export function readXml(file: SourceFile, section: string, complain: Complain): Ini {
  // Places stay where they are.
  const text = file.text.replace(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g, (gone) => gone.replace(/[^\n]/g, " "));
  const roots = [...text.matchAll(ROOT)];
  if (roots.length === 0) complain(file.at(0), file.name, "has no <uwsgi> … </uwsgi>");
  const found = roots.map((root) => ({
    root,
    name: /\bid\s*=\s*["']([^"']*)["']/.exec(root[1] ?? "")?.[1] ?? "uwsgi",
  }));
  const chosen = found.find(({ name }) => name === section)?.root;
  const sections = found.map(({ name }) => name);
  if (chosen === undefined) return { options: [], sections };
  const start = chosen.index + chosen[0].indexOf(">") + 1;
  return { options: readElements(file, chosen[2] ?? "", start, complain), sections };
}

function readElements(file: SourceFile, text: string, start: number, complain: Complain): Option[] {
  const options: Option[] = [];
  let end = 0;
  for (const found of text.matchAll(ELEMENT)) {
    complainOfRest(file, text.slice(end, found.index), start + end, complain);
    end = found.index + found[0].length;
    const [whole, key = "", , content] = found;
    options.push({
      key,
      value: content === undefined ? "1" : decode(content),
      origin: file.at(start + found.index, whole.length),
    });
  }
  complainOfRest(file, text.slice(end), start + end, complain);
  return options;
}

function complainOfRest(file: SourceFile, rest: string, offset: number, complain: Complain): void {
  const text = rest.trim();
  if (text !== "")
    complain(file.at(offset + rest.indexOf(text), text.length), text, "should be <option>value</option>");
}

function decode(text: string): string {
  return text.replace(/&(\w+);/g, (whole, name: string) =>
    Object.hasOwn(ENTITIES, name) ? (ENTITIES[name] ?? whole) : whole,
  );
}
