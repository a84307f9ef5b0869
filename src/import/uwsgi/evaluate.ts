/**
 * From what is written to the options that count, in their order, as uWSGI comes to them (core/config.c): options that act
 * at once (includes, blocks, `set`) act as they are met, on values that are not filled in yet; then placeholders are filled
 * in; then `inherit` adds what its files say. Not here: what options mean (translate.ts).
 */
import { readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { type Origin, SourceFile } from "../source.ts";
import { type Block, endsBlock, openBlock, opensBlock } from "./conditions.ts";
import { readIni } from "./ini.ts";
import { readJson } from "./json.ts";
import { type MagicTable, magicTable, replaceMagic } from "./magic.ts";
import { type Complain, type Option, showOption } from "./option.ts";
import { EndlessPlaceholder, evaluatePlaceholder, replacePlaceholders } from "./placeholders.ts";
import type { Surroundings } from "./surroundings.ts";
import { readXml } from "./xml.ts";
import { readYaml } from "./yaml.ts";

export type Form = "ini" | "yaml" | "xml" | "json";

/** What files are called, by the forms they have. */
const EXTENSIONS: Readonly<Record<string, Form>> = {
  ".ini": "ini",
  ".yaml": "yaml",
  ".yml": "yaml",
  ".xml": "xml",
  ".json": "json",
  ".js": "json",
};

/** Options that read a file in a certain form. */
const FORM_OPTIONS: Readonly<Record<string, Form>> = {
  ini: "ini",
  yaml: "yaml",
  yml: "yaml",
  xml: "xml",
  xmlconfig: "xml",
  json: "json",
  js: "json",
};

const INCLUDES: ReadonlySet<string> = new Set([...Object.keys(FORM_OPTIONS), "include", "config"]);
const SETTERS: ReadonlySet<string> = new Set(["set", "set-placeholder", "set-ph"]);

/** uWSGI has no bound, and no configuration has a hundred files in each other. */
const DEPTH_MAX = 32;

/** What is told of on the way: none of it is an option. */
export interface Watcher {
  readonly complain: Complain;
  /** A file was read. */
  read(form: Form, name: string): void;
  /** A placeholder of an option stands for nothing that was given. */
  unknown(option: Option, placeholder: string): void;
  /** An option has named a file, or a section of one. */
  included(by: Option, what: string): void;
  /** A block was decided: how many times its options count. */
  decided(opener: Option, rounds: number): void;
}

export function formOf(path: string): Form | undefined {
  return EXTENSIONS[extname(path.replace(/:[^/]*$/, ""))];
}

export class Evaluation {
  private readonly around: Surroundings;
  private readonly watcher: Watcher;
  /** A variable's value, for `$(NAME)`; undefined: it stays as it is written. */
  private readonly variable: (name: string) => string | undefined;
  private readonly options: Option[] = [];
  private readonly files: { readonly file: SourceFile; readonly section: string }[] = [];
  private first: MagicTable | undefined;
  private block: Block | undefined;
  /** An option of a block is being taken: what it includes is taken as it comes. */
  private running = false;
  private complaints = 0;
  /** Absolute. */
  firstFile: string | undefined;
  private readonly lookedUp = new Set<string>();

  constructor(around: Surroundings, watcher: Watcher, variable: (name: string) => string | undefined) {
    this.around = around;
    this.watcher = watcher;
    this.variable = variable;
  }

  /** `spec`: a path, with `:section` behind it if it is not the section `uwsgi`. */
  load(spec: string, origin: Origin | undefined, form = formOf(spec)): void {
    const [path, section] = splitSection(spec);
    const last = this.files.at(-1);
    const absolute = path === "" ? last?.file.path : resolve(this.around.cwd, path);
    const wanted = section === "" ? "uwsgi" : section;
    if (absolute === undefined) return this.cannot(origin, spec, "names a section of a file, but no file");
    if (this.files.some(({ file, section: open }) => file.path === absolute && open === wanted))
      return this.cannot(origin, spec, `includes itself: ${this.chain(absolute)}; uWSGI reads it until memory is gone`);
    if (this.files.length >= DEPTH_MAX) return this.cannot(origin, spec, `is the ${DEPTH_MAX}th file inside another`);
    const known = this.files.find(({ file }) => file.path === absolute)?.file;
    const text = known?.text ?? this.readText(absolute, origin, spec);
    if (text === undefined) return;
    const file = known ?? new SourceFile(path, absolute, text);
    this.loadFile(file, wanted, form ?? "ini", origin);
  }

  /** A file that was read already. */
  loadFile(file: SourceFile, section: string, form: Form, origin?: Origin): void {
    if (!this.files.some((open) => open.file === file)) this.watcher.read(form, file.name);
    const magic = magicTable(file, section === "uwsgi" ? "" : section, this.around, this.first);
    this.first ??= magic;
    this.firstFile ??= file.path;
    this.files.push({ file, section });
    for (const option of this.readOptions(file, section, form, origin)) {
      const value = option.value === undefined ? undefined : replaceMagic(option.value, magic);
      this.add({ ...option, key: replaceMagic(option.key, magic), value });
    }
    this.files.pop();
  }

  private readOptions(file: SourceFile, section: string, form: Form, origin?: Origin): readonly Option[] {
    const { complain } = this.watcher;
    const reader = { ini: readIni, yaml: readYaml, xml: readXml, json: readJson }[form];
    const { options, sections } = reader(file, section, complain);
    if (options.length === 0 && !sections.includes(section)) {
      const others = sections.length === 0 ? "and no other" : `but ${sections.map((name) => `[${name}]`).join(", ")}`;
      this.complaints++;
      complain(origin ?? file.at(0), `[${section}]`, `${file.name} has no section [${section}] ${others}`);
    }
    return options;
  }

  /** add_exported_option. */
  add(option: Option): void {
    if (this.running || this.block === undefined) return this.take(option);
    if (endsBlock(option.key)) return void (this.block = undefined);
    for (const stands of this.block.rounds) {
      this.running = true;
      this.take(stands === undefined ? option : { ...option, value: option.value?.replaceAll("%(_)", stands) });
      this.running = false;
    }
  }

  private take(option: Option): void {
    const { key, value = "" } = option;
    if (opensBlock(key)) this.open(option);
    else if (SETTERS.has(key)) this.set(option);
    else if (INCLUDES.has(key)) this.include(option, FORM_OPTIONS[key] ?? formOf(value));
    else if (!endsBlock(key)) this.options.push(option);
  }

  private include(option: Option, form: Form | undefined): void {
    const { value = "", origin } = option;
    const before = this.complaints;
    this.load(value, origin, form);
    if (this.complaints === before) this.watcher.included(option, "read, as if it stood here");
  }

  private open(option: Option): void {
    if (this.block !== undefined)
      return this.cannot(
        option.origin,
        showOption(option),
        `stands inside ${this.block.name}; uWSGI has no blocks in blocks`,
      );
    const known = { around: this.around, valueOf: (name: string) => this.valueOf(name) };
    try {
      this.block = openBlock(option.key, option.value ?? "", known);
      this.watcher.decided(option, this.block.rounds.length);
    } catch (error) {
      this.cannot(option.origin, showOption(option), error instanceof Error ? error.message : String(error));
    }
  }

  private set(option: Option): void {
    const { value = "", origin } = option;
    const equals = value.indexOf("=");
    if (equals === -1) this.cannot(origin, showOption(option), "should be name=value");
    else this.take({ key: value.slice(0, equals), value: value.slice(equals + 1), origin });
  }

  /** The options that count, filled in. */
  finish(): readonly Option[] {
    for (const symbol of ["$", "@", "%"] as const) this.fill(symbol);
    for (let index = 0; index < this.options.length; index++) this.inherit(this.options[index] as Option);
    return this.options.filter(({ key }) => key !== "inherit");
  }

  /** Behind all others, and not filled in: uWSGI is past that when it comes to them. */
  private inherit({ key, value, origin }: Option): void {
    if (key === "inherit" && value !== undefined) this.load(value, origin);
  }

  /** Names that placeholders and conditions asked for: such an option need not be one of uWSGI's. */
  get placeholders(): ReadonlySet<string> {
    return this.lookedUp;
  }

  private fill(symbol: "$" | "@" | "%"): void {
    const filled = this.options.map((option) => this.filled(option, symbol));
    this.options.splice(0, this.options.length, ...filled.filter((option) => option !== undefined));
  }

  /** Undefined after complaining. */
  private filled(option: Option, symbol: "$" | "@" | "%"): Option | undefined {
    const { value } = option;
    if (value === undefined || !value.includes(symbol)) return option;
    const before = this.complaints;
    try {
      const text = replacePlaceholders(value, symbol, (body) => this.lookUp(symbol, body, option));
      return this.complaints === before ? { ...option, value: text } : undefined;
    } catch (error) {
      if (!(error instanceof EndlessPlaceholder)) throw error;
      return void this.cannot(option.origin, showOption(option), `${error.message} stands for itself, without end`);
    }
  }

  private lookUp(symbol: "$" | "@" | "%", body: string, option: Option): string | undefined {
    if (symbol === "$") return this.variable(body);
    if (symbol === "%") return this.placeholder(body, option);
    const [, command] = /^exec:\/\/(.*)$/s.exec(body) ?? [];
    if (command === undefined) return this.readValue(body, option);
    const { run } = this.around;
    if (run !== undefined) return run(command).replace(/[\r\n]$/, "");
    return void this.cannot(
      option.origin,
      showOption(option),
      `has the output of a command, which is not run here: ${command}; write what it prints`,
    );
  }

  /** Formats of logs have placeholders of their own. */
  private placeholder(body: string, option: Option): string | undefined {
    const value = evaluatePlaceholder(body, (name) => this.valueOf(name));
    if (value === undefined && !/format|encoder|route/.test(option.key)) this.watcher.unknown(option, body);
    return value;
  }

  private readValue(path: string, option: Option): string | undefined {
    return this.readText(resolve(this.around.cwd, path), option.origin, showOption(option))?.replace(/[\r\n]$/, "");
  }

  /** The first that was given, as uWSGI looks it up; for the option itself the last counts. */
  private valueOf(name: string): string | undefined {
    this.lookedUp.add(name);
    return this.options.find(({ key }) => key === name)?.value;
  }

  private readText(path: string, origin: Origin | undefined, directive: string): string | undefined {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      const why = error instanceof Error ? error.message.replace(/^([A-Z]+): ([^,]*).*$/s, "$2") : String(error);
      return void this.cannot(origin, directive, `${path} cannot be read: ${why}`);
    }
  }

  private cannot(origin: Origin | undefined, directive: string, sentence: string): void {
    const place = origin ?? this.files[0]?.file.at(0) ?? new SourceFile(directive, directive, "").at(0);
    this.complaints++;
    this.watcher.complain(place, directive, sentence);
  }

  private chain(path: string): string {
    return [...this.files.map(({ file }) => file.path), path].join(" → ");
  }
}

/** `uwsgi.ini:dev` → the file and its section; `:dev` → a section of the file that says so. */
function splitSection(spec: string): readonly [path: string, section: string] {
  const colon = spec.lastIndexOf(":");
  return colon === -1 ? [spec, ""] : [spec.slice(0, colon), spec.slice(colon + 1)];
}
