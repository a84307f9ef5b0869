/**
 * What is in force, and where each value comes from: `server config show`. The schema is walked beside the file: what the
 * file says stands there with its line; what it leaves out has its default, or what loading made of the machine and the
 * folder ("derived"). Not here: how it is printed.
 */
import { formatSize } from "../base/units.ts";
import type { Config } from "./config.ts";
import { type Key, literalDefault, type Schema } from "./keys.ts";
import { listenKey } from "./listen.ts";
import { loadConfig, parseToml, readText } from "./load.ts";
import { isTable, Place, type Table } from "./place.ts";
import type { Path } from "./positions.ts";
import { type Problem, Report } from "./problems.ts";
import { ROOT } from "./schema.ts";
import { ROUTE, SITE } from "./schema-site.ts";
import { type Environment, substitute } from "./substitute.ts";
import { ONLY_HTTP, ONLY_UWSGI } from "./schema-upstream.ts";

export interface Row {
  readonly name: string;
  /** A value of TOML; undefined where only words say what holds. */
  readonly value: unknown;
  /** The default as people read it. */
  readonly words: string | undefined;
  readonly from: "file" | "default" | "derived";
  /** Of the file; 0 unless it says so. */
  readonly line: number;
  /** The value came from the environment, in part at least. */
  readonly environment: boolean;
  /** `$ENV{…}` in it stands for a variable: a secret, which is not filled in. */
  readonly unfilled: boolean;
}

/** A table of the file, or one that could be. */
export interface Group {
  readonly path: Path;
  /** 0: it is not in the file. */
  readonly line: number;
  readonly rows: readonly Row[];
}

export interface Effective {
  /** Undefined when the file cannot be used. */
  readonly groups: readonly Group[] | undefined;
  readonly problems: readonly Problem[];
}

export function effective(file: string, environment: Environment): Effective {
  const { config, problems } = loadConfig(file, environment);
  if (config === undefined) return { groups: undefined, problems };
  const report = new Report(file);
  const document = parseToml(readText(file, report) ?? "", report);
  const written = new Place(report, [], document);
  const filled = new Place(report, [], substitute(written, environment));
  return { groups: new Walk(config, written).root(filled), problems };
}

/** Shown as they were written, or not at all: they are secrets. */
const SECRET: ReadonlySet<string> = new Set(["token", "passphrase", "eab_key"]);

const MASK = "***";

/** Names of environment variables that hold secrets, by what frameworks and providers call them. */
const SECRET_VARIABLE = /SECRET|PASSW|TOKEN|CREDENTIAL|_KEY$|^KEY$|DSN$|_URL$/i;

/** A URL of a database has its password in it. What stands for a variable says nothing of it. */
function masked(env: Table): Table {
  const shown = ([name, value]: [string, unknown]) => {
    const isReference = typeof value === "string" && value.startsWith("$ENV{");
    return [name, SECRET_VARIABLE.test(name) && !isReference ? MASK : value];
  };
  return Object.fromEntries(Object.entries(env).map(shown)) as Table;
}

/** Shown though the file has none of them: they are always in force. */
const ALWAYS: ReadonlySet<string> = new Set(["server"]);

class Walk {
  private readonly groups: Group[] = [];
  private readonly config: Config;
  private readonly written: Place;

  constructor(config: Config, written: Place) {
    this.config = config;
    this.written = written;
  }

  root(filled: Place): readonly Group[] {
    for (const [name, key] of Object.entries(ROOT)) {
      const place = filled.into(name);
      if (name === "site") this.sites(place);
      else if (key.kind.keys !== undefined) {
        if (filled.has(name) || ALWAYS.has(name)) this.table(place, key.kind.keys);
      } else this.named(place, key.kind.item?.keys ?? {});
    }
    return this.groups;
  }

  private named(place: Place, schema: Schema): void {
    if (!isTable(place.value)) return;
    for (const name of Object.keys(place.value)) this.table(place.into(name), schema);
  }

  private sites(place: Place): void {
    if (!Array.isArray(place.value)) return;
    place.value.forEach((_, index) => {
      const site = place.into(index);
      const { routes: _routes, ...schema } = SITE;
      this.table(site, schema);
      this.named(site.into("routes"), ROUTE);
    });
  }

  private table(place: Place, schema: Schema): void {
    const inner: (() => void)[] = [];
    const rows: Row[] = [];
    for (const [name, key] of Object.entries(schema)) {
      const below = place.into(name);
      const { keys } = key.kind;
      if (keys !== undefined && isTableOf(below.value, keys)) inner.push(() => this.table(below, keys));
      else rows.push(...this.row(place, name, key));
    }
    this.groups.push({ path: place.path, line: this.lineOf(place), rows });
    for (const each of inner) each();
  }

  private row(table: Place, name: string, key: Key<unknown>): Row[] {
    const place = table.into(name);
    const { fallbackText: words } = key;
    if (table.has(name)) return [this.fromFile(place, name)];
    if (name === "status" && isAnswerless(table)) return [];
    if (words === "–" || (key.only !== undefined && !table.has(key.only)) || isOfOtherProtocol(table, name)) return [];
    const literal = literalDefault(words);
    const base = { name, words, line: 0, environment: false, unfilled: false };
    if (literal !== undefined) return [{ ...base, value: literal, from: "default" }];
    const value = derived(place.path, this.config);
    return [{ ...base, value, from: value === undefined ? "default" : "derived" }];
  }

  private fromFile(place: Place, name: string): Row {
    const { value } = this.at(place.path);
    const environment = JSON.stringify(value) !== JSON.stringify(place.value);
    // Tables of texts (env, fields) are where secrets of the environment go: they stand as they are written.
    const isSecret = SECRET.has(name);
    const unfilled = environment && (isSecret || isTable(value));
    const whole = unfilled ? value : isSecret ? MASK : place.value;
    const shown = name === "env" && isTable(whole) ? masked(whole) : whole;
    return { name, value: shown, words: undefined, from: "file", line: this.lineOf(place), environment, unfilled };
  }

  /** As it was written. */
  private at(path: Path): Place {
    return path.reduce((place: Place, part) => place.into(part), this.written);
  }

  private lineOf(place: Place): number {
    const { positions } = this.written.report;
    const isWritten = this.at(place.path).value !== undefined;
    return isWritten ? (positions?.ofKey(place.path).line ?? 0) : 0;
  }
}

/** Tables of patterns (`cache` of files) have other names. */
function isTableOf(value: unknown, keys: Schema): boolean {
  return isTable(value) && Object.keys(value).every((name) => Object.hasOwn(keys, name));
}

/** A route or rule that answers nothing by itself has no status to say. */
function isAnswerless(table: Place): boolean {
  return ["files", "app", "upstream", "error", "rewrite"].some((target) => table.has(target));
}

/** Keys that say nothing with the protocol of their upstream. */
function isOfOtherProtocol(table: Place, name: string): boolean {
  if (table.path[0] !== "upstream" || table.path.length !== 2) return false;
  const others: readonly string[] = table.into("protocol").value === "uwsgi" ? ONLY_HTTP : ONLY_UWSGI;
  return others.includes(name);
}

/** What loading made of the machine, the folder and other keys. */
function derived(path: Path, config: Config): unknown {
  const [table, owner, name] = path;
  const { server } = config;
  if (table === "server") {
    if (owner === "fronts") return server.fronts;
    if (owner === "temporary_directory") return server.temporaryDirectory;
    if (owner === "state_directory") return server.stateDirectory;
    if (owner === "max_header_size") return formatSize(server.limits.headerBytesMax);
  }
  if (path.length !== 3) return undefined;
  const app = table === "app" ? config.apps.find((each) => each.name === owner) : undefined;
  if (app !== undefined && (name === "root" || name === "python" || name === "processes")) return app[name];
  if (table === "site" && name === "listen" && typeof owner === "number")
    return config.sites[owner]?.listen.map(listenKey);
  const commands = table === "service" ? config.services : table === "cron" ? config.crons : [];
  return name === "cwd" ? commands.find((each) => each.name === owner)?.cwd : undefined;
}
