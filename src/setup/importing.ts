/** What `server import` makes of the files that serve a project today: the text, and what it would lose. */
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { loadTranslated } from "../config/load.ts";
import type { Environment } from "../config/substitute.ts";
import { formatOf, importFiles } from "../import/import.ts";
import { SourceFile } from "../import/source.ts";
import { keepRoot } from "../import/users.ts";
import { writePlan } from "../import/write.ts";
import { portsInUse } from "../machine/ports.ts";
import type { Surroundings } from "../machine/surroundings.ts";
import type { ExistingFile } from "../project/existing.ts";
import { plainName } from "./front.ts";
import { type Importable, type ImportedFront, relativeTo } from "./seen.ts";

/** Undefined: there is nothing to import. `isRoot`: root will start it. */
export function translateExisting(
  existing: readonly ExistingFile[],
  root: string,
  { files, environment }: Surroundings,
  isRoot: boolean,
): Importable | undefined {
  const sources = existing.filter(mayBeImported).flatMap(({ path }) => {
    const text = files.read(path);
    const source = text === undefined ? undefined : new SourceFile(relativeTo(root, path), path, text);
    return source === undefined || !hasApp(source, environment) ? [] : [source];
  });
  if (sources.length === 0) return undefined;
  const paths = sources.map(({ path }) => path);
  const { plan, report } = importFiles(sources, environment);
  const asRoot = isRoot && keepRoot(plan);
  const toml = writePlan(plan);
  const { config, problems } = loadTranslated(join(root, "server.toml"), toml, environment);
  const lost = report.findings.filter(({ changesMeaning }) => changesMeaning);
  const broken = problems.filter(({ severity }) => severity === "error");
  const losses = [
    ...lost.map(({ directive, sentence }) => `${directive}: ${sentence}`),
    ...broken.map(
      ({ key, what, should }) => `${key ?? "server.toml"} ${what}${should === undefined ? "" : `; ${should}`}`,
    ),
  ];
  const taken = config === undefined ? [] : portsInUse(files, portsOf(config));
  const isOurs = plan.apps.size > 0 || toml.includes(root);
  const folders = config === undefined ? [] : foldersOf(config);
  const forwards = plan.apps.size === 0 && plan.upstreams.size > 0;
  const names = (config?.sites ?? []).flatMap((site) => site.names.filter((name) => !/[*~]|^\./.test(name)));
  const front = config && frontOf(config);
  return { files: paths, toml, losses, folders, isOurs, forwards, names, asRoot, front, taken };
}

/** Of units those of systemd that start gunicorn. */
function mayBeImported({ kind, path, program }: ExistingFile): boolean {
  return kind !== "unit" || (program === "gunicorn" && path.endsWith(".service"));
}

/** A unit that nothing can be made of, since it serves ASGI or starts a script, only shows what is running. */
function hasApp(source: SourceFile, environment: Environment): boolean {
  return formatOf(source) !== "gunicorn" || importFiles([source], environment).plan.apps.size > 0;
}

/** Whoever served from them did so while they were not there, too; a server.toml that names such a one cannot be used. */
function foldersOf({ sites }: Config): string[] {
  const targets = sites.flatMap(({ routes }) => routes.map(({ target }) => target));
  const served = targets.flatMap((target) =>
    target.kind === "files" && !target.single ? target.roots.map(({ path }) => path) : [],
  );
  return [...new Set(served.filter((path) => !path.includes("$")).map((path) => path.replace(/\/$/, "")))];
}

function portsOf({ sites }: Config): number[] {
  const listens = sites.flatMap(({ listen }) => listen);
  return [...new Set(listens.flatMap((each) => (each.kind === "tcp" ? [each.port] : [])))];
}

/** An encrypted address before others, since they mostly redirect there. */
function frontOf({ sites }: Config): ImportedFront | undefined {
  const [site] = sites;
  const tcp = (site?.listen ?? []).flatMap((each) => (each.kind === "tcp" ? [each] : []));
  const chosen = tcp.find(({ tls }) => tls) ?? tcp[0];
  if (site === undefined || chosen === undefined) return undefined;
  const host = plainName(site.names);
  return { host, port: chosen.port, address: chosen.host, https: chosen.tls === true };
}
