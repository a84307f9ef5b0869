/** Paths that are served, run, read and written: may who does it do it, component by component? */
import { dirname, join } from "node:path";
import type { Config, RouteConfig } from "../config/config.ts";
import { describe, type Refused, refusalOf, remedyFor } from "./access.ts";
import { ownerName, servingApp } from "./accounts.ts";
import { type Finding, notice, ok, problem } from "./finding.ts";
import type { Need, Serving } from "./ground.ts";
import type { Check, Patient } from "./patient.ts";

interface Wanted {
  readonly path: string;
  readonly needs: readonly Need[];
  readonly who: Serving;
  /** `the files of /static/` */
  readonly what: string;
  /** What is lost without it, where the server serves all the same. */
  readonly loss?: string;
}

export const PERMISSIONS: Check = {
  name: "permissions",
  run: async (patient) => {
    const found = await Promise.all(wantedPaths(patient).map((wanted) => examine(wanted, patient)));
    const refusals = found.filter((each) => each !== undefined);
    if (refusals.length === 0)
      return [ok("permissions", `${found.length} paths can be reached by ${patient.serving.name}`)];
    // One directory may be in the way of many.
    const groups = Map.groupBy(refusals, ({ refused, wanted: { who, loss = "" } }) =>
      [refused.path, who.uid, refused.need === "write", loss].join(" "),
    );
    return [...groups.values()].map((group) => judge(group, patient));
  },
};

interface Refusal {
  readonly wanted: Wanted;
  readonly refused: Refused;
}

async function examine(wanted: Wanted, { ground }: Patient): Promise<Refusal | undefined> {
  const refused = await refusalOf(ground, wanted.who, wanted.path, wanted.needs);
  return refused && { wanted, refused };
}

function judge(group: readonly Refusal[], { ground }: Patient): Finding {
  // Who reads a directory enters it, too.
  const widest = group.find(({ refused }) => refused.need !== "search") ?? group[0];
  if (widest === undefined) throw new Error("a group has a member");
  const { refused, wanted } = widest;
  const { who, loss } = wanted;
  const verb = { read: "read", write: "write", search: "enter" }[refused.need];
  const what = [...new Set(group.map((each) => each.wanted.what))].join(", ");
  const owners = (uid: number, gid: number) => ownerName(ground.files, uid, gid);
  const says =
    refused.state === undefined
      ? `${what}: there is no ${refused.path}`
      : `${what}: ${who.name} may not ${verb} it: ${refused.path} ${describe(refused, owners)}`;
  const remedy = remedyFor(refused, who);
  const subject = group.length === 1 ? wanted.path : refused.path;
  return loss === undefined ? problem(subject, says, remedy) : notice(subject, `${says}; ${loss}`, remedy);
}

const OPEN: readonly Need[] = ["read", "search"];
const READ: readonly Need[] = ["read"];
const MAKE: readonly Need[] = ["write", "search"];

function wantedPaths({ config, serving, starter, ground }: Patient): Wanted[] {
  const wanted = [
    ...config.sites
      .flatMap(({ routes }) => routes.flatMap((route) => filesOf(route, serving)))
      // What is not there at all is told of the configuration.
      .filter(({ path }) => ground.state(path) !== undefined),
    ...config.apps.flatMap((app) => {
      const who = servingApp(app, serving);
      return [
        { path: app.root, needs: OPEN, who, what: `the root of app ${app.name}` },
        ...moduleOf(app, ground).map((path) => ({ path, needs: READ, who, what: `the module of app ${app.name}` })),
        { path: app.python, needs: ["search" as const], who, what: `the interpreter of app ${app.name}` },
      ];
    }),
    ...keyFiles(config, starter),
    ...written(config, serving, starter),
  ];
  const unique = new Map(wanted.map((each) => [`${each.path} ${each.who.uid} ${each.needs.join()}`, each]));
  // What is not there yet is made in the nearest folder that is.
  return [...unique.values()].map((each) =>
    each.needs === MAKE ? { ...each, path: nearest(each.path, ground) } : each,
  );
}

/** Python does not tell a module that it may not read from one that is not there. */
function moduleOf({ root, wsgi }: Config["apps"][number], { files }: Patient["ground"]): string[] {
  const path = wsgi.kind === "file" ? wsgi.file : join(root, `${wsgi.module.replaceAll(".", "/")}.py`);
  return files.kind(path) === "file" ? [path] : [];
}

function filesOf({ target, pattern }: RouteConfig, who: Serving): Wanted[] {
  if (target.kind !== "files") return [];
  // Captures stand in a path with a variable.
  const paths = target.roots.map(({ path }) => path).filter((path) => !path.includes("$"));
  return paths.map((path) => ({ path, needs: target.single ? ["read"] : OPEN, who, what: `the files of ${pattern}` }));
}

function keyFiles(config: Config, who: Serving): Wanted[] {
  return config.sites.flatMap(({ tls, label }) => {
    const { source } = tls ?? {};
    if (source?.kind !== "files") return [];
    return source.pairs.flatMap(({ cert, key }) =>
      [cert, key].map((path) => ({ path, needs: ["read" as const], who, what: `a certificate of ${label}` })),
    );
  });
}

function written({ server, sites }: Config, serving: Serving, starter: Serving): Wanted[] {
  const logs = [server.errorLog, server.accessLog.path, ...sites.map(({ accessLog }) => accessLog.path)].filter(
    (path) => path.startsWith("/"),
  );
  const caches = sites.flatMap(({ routes }) =>
    routes.flatMap(({ target }) => ("cache" in target && !Array.isArray(target.cache) ? diskOf(target.cache) : [])),
  );
  const usesState = sites.some(({ tls }) => tls !== undefined && tls.source.kind !== "files");
  const folders = [
    ...logs.map((path) => [dirname(path), "logs", starter] as const),
    ...caches.map((path) => [path, "kept replies", serving] as const),
    [server.temporaryDirectory, "temporary files", serving] as const,
    // Given to the user before root's rights go.
    ...(usesState ? [[server.stateDirectory, "certificates", starter] as const] : []),
    ...(server.pidFile === undefined ? [] : [[dirname(server.pidFile), "the pid file", starter] as const]),
  ];
  const wanted = folders.map(([path, what, who]) => ({ path, needs: MAKE, who, what }));
  if (serving === starter) return wanted;
  const loss = "log files there are neither rotated nor begun anew";
  return [...wanted, ...logs.map((path) => ({ path: dirname(path), needs: MAKE, who: serving, what: "logs", loss }))];
}

function diskOf(cache: unknown): string[] {
  const { disk } = (cache ?? {}) as { disk?: { directory: string } };
  return disk === undefined ? [] : [disk.directory];
}

function nearest(path: string, ground: Patient["ground"]): string {
  return ground.state(path) === undefined && dirname(path) !== path ? nearest(dirname(path), ground) : path;
}
