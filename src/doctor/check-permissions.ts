/** Paths that are served, run, read and written: may who does it do it, component by component? */
import { dirname } from "node:path";
import type { Config, RouteConfig } from "../config/config.ts";
import { describe, refusalOf, remedyFor } from "./access.ts";
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
    const problems = found.filter((each) => each !== undefined);
    if (problems.length > 0) return problems;
    return [ok("permissions", `${found.length} paths can be reached by ${patient.serving.name}`)];
  },
};

async function examine({ path, needs, who, what, loss }: Wanted, { ground }: Patient): Promise<Finding | undefined> {
  const refused = await refusalOf(ground, who, path, needs);
  if (refused === undefined) return undefined;
  const owners = (uid: number, gid: number) => ownerName(ground.files, uid, gid);
  const verb = { read: "read", write: "write", search: "enter" }[refused.need];
  const says =
    refused.state === undefined
      ? `${what}: there is no ${refused.path}`
      : `${what}: ${who.name} may not ${verb} it: ${refused.path} ${describe(refused, owners)}`;
  const remedy = remedyFor(refused, who);
  return loss === undefined ? problem(path, says, remedy) : notice(path, `${says}; ${loss}`, remedy);
}

const OPEN: readonly Need[] = ["read", "search"];
const MAKE: readonly Need[] = ["write", "search"];

function wantedPaths({ config, serving, starter, ground }: Patient): Wanted[] {
  const wanted = [
    ...config.sites.flatMap(({ routes }) => routes.flatMap((route) => filesOf(route, serving))),
    ...config.apps.flatMap((app) => {
      const who = servingApp(app, serving);
      return [
        { path: app.root, needs: OPEN, who, what: `the root of app ${app.name}` },
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

function filesOf({ target, pattern }: RouteConfig, who: Serving): Wanted[] {
  // Captures stand in a path with a variable.
  if (target.kind !== "files" || target.path.includes("$")) return [];
  return [{ path: target.path, needs: target.single ? ["read"] : OPEN, who, what: `the files of ${pattern}` }];
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
