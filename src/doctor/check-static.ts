/** Static files: is there a route for STATIC_URL, does it lead to STATIC_ROOT, are the files there, and are they answered? */
import { dirname, join } from "node:path";
import type { RouteConfig, SiteConfig } from "../config/config.ts";
import { accountOf } from "../machine/host.ts";
import { runningAs } from "../machine/surroundings.ts";
import { lessThanRoot } from "./accounts.ts";
import { type Finding, type Fix, notice, ok, problem } from "./finding.ts";
import type { Ground } from "./ground.ts";
import type { AppFacts, Check, Patient } from "./patient.ts";
import { requestFor } from "./request.ts";

/** For a sample: collected files lie in folders of apps. */
const DEPTH = 4;
const COLLECT_TIMEOUT_MS = 300_000;

export const STATIC: Check = {
  name: "static",
  run: async (patient) => {
    const ofDjango = patient.apps.flatMap((facts) => judgeDjango(facts, patient));
    const ofRoutes = await Promise.all(
      patient.config.sites.flatMap((site) => site.routes.map((route) => judgeRoute(route, site, patient))),
    );
    return [...ofDjango, ...ofRoutes.filter((each) => each !== undefined)];
  },
};

type FilesTarget = Extract<RouteConfig["target"], { kind: "files" }>;

/** What runserver did by itself and production does not. */
function judgeDjango({ app, settings }: AppFacts, { config, ground }: Patient): Finding[] {
  if (settings?.staticPath === undefined || app.staticFinders) return [];
  const { staticPath, staticRoot, middleware } = settings;
  const subject = `static files of app ${app.name}`;
  if (middleware.some((name) => name.startsWith("whitenoise.")))
    return [ok(subject, "WhiteNoise answers them inside the app; a route with files would be faster")];
  const where = settings.file ?? "the settings";
  if (staticRoot === undefined)
    return [
      problem(
        subject,
        "STATIC_ROOT is not set, so there is nowhere to collect them",
        `add to ${where}: STATIC_ROOT = BASE_DIR / "static", then python manage.py collectstatic`,
      ),
    ];
  const sites = config.sites.filter(({ routes }) =>
    routes.some(({ target }) => target.kind === "app" && target.app === app.name),
  );
  const problems = sites.flatMap((site) => judgeSite(site, staticPath, staticRoot, subject));
  return problems.length > 0 ? problems : [collected(subject, staticRoot, { app, ground })];
}

function judgeSite({ routes, label }: SiteConfig, path: string, root: string, subject: string): Finding[] {
  const route = routes.find(({ match }) => match.kind === "prefix" && match.path === path);
  const line = `"${path}" = { files = ${JSON.stringify(`${root}/`)} }`;
  if (route === undefined)
    return [
      problem(
        subject,
        `site ${label} has no route for STATIC_URL, ${path}, so Django answers 404`,
        `in [site.routes]: ${line}`,
      ),
    ];
  const { target } = route;
  if (target.kind !== "files" || target.roots.some((each) => isSame(each.path, root))) return [];
  return [
    problem(
      subject,
      `${path} of site ${label} leads to ${pathsOf(target)}, but STATIC_ROOT is ${root}`,
      `in [site.routes]: ${line}`,
    ),
  ];
}

function isSame(path: string, other: string | undefined): boolean {
  return path.replace(/\/$/, "") === other?.replace(/\/$/, "");
}

function pathsOf({ roots }: FilesTarget): string {
  return roots.map(({ path }) => path).join(" and ");
}

function collected(subject: string, root: string, { app, ground }: { app: AppFacts["app"]; ground: Ground }): Finding {
  if (sampleIn(ground, root, DEPTH) !== undefined) return ok(subject, `collected in ${root}`);
  const words = [app.python, "manage.py", "collectstatic", "--noinput"];
  const hasManage = ground.files.kind(join(app.root, "manage.py")) === "file";
  const fix = hasManage ? collecting(words, app, ground) : undefined;
  const state = ground.files.kind(root) === undefined ? "does not exist" : "is empty";
  return problem(subject, `${root} ${state}: they were not collected`, `${words.join(" ")}, in ${app.root}`, { fix });
}

function collecting(words: readonly string[], app: AppFacts["app"], ground: Ground): Fix {
  return {
    does: "collects the static files",
    run: async () => {
      // The files are the project's, as if its owner had collected them: so `server setup` does it.
      const owner = ground.state(app.root);
      const stranger = owner && strangerOf(app.python, owner.uid, ground);
      if (stranger !== undefined)
        return `${app.python} is ${stranger}'s, who would have the rights of the project's owner`;
      const as = owner && lessThanRoot(ground.files, owner.uid, owner.gid);
      const options = { folder: app.root, timeoutMs: COLLECT_TIMEOUT_MS, environment: app.env };
      const ran = await runningAs(ground, as).run(words, options);
      return ran.code === 0 ? undefined : (ran.failure ?? ran.stderr.trim().split("\n").at(-1) ?? `status ${ran.code}`);
    },
  };
}

/** Whoever may write a virtualenv says what its interpreter does. Undefined: it is root's, or this user's. */
function strangerOf(python: string, uid: number, { files, state }: Ground): string | undefined {
  const folders = [dirname(python), dirname(dirname(python))].map((path) => state(path));
  const other = folders.find((each) => each !== undefined && each.uid !== 0 && each.uid !== uid);
  return other && (accountOf(files, other.uid).name ?? `user ${other.uid}`);
}

/** A file below, as a path relative to `folder`. */
function sampleIn({ files }: Ground, folder: string, depth: number): string | undefined {
  const names = files.list(folder).filter((name) => !name.startsWith(".") && !name.endsWith("~"));
  const file = names.find((name) => files.kind(join(folder, name)) === "file");
  if (file !== undefined || depth === 0) return file;
  for (const name of names) {
    if (files.kind(join(folder, name)) !== "directory") continue;
    const below = sampleIn({ files } as Ground, join(folder, name), depth - 1);
    if (below !== undefined) return join(name, below);
  }
  return undefined;
}

async function judgeRoute(route: RouteConfig, site: SiteConfig, patient: Patient): Promise<Finding | undefined> {
  const { target, match, pattern } = route;
  if (target.kind !== "files" || match.kind === "regex" || route.internal) return undefined;
  const paths = target.roots.map(({ path }) => path);
  if (paths.some((path) => path.includes("$"))) return undefined;
  // Of the configuration it is told.
  if (paths.every((path) => patient.ground.files.kind(path) === undefined)) return undefined;
  const subject = `files of ${pattern} (${site.label})`;
  const samples = paths.map((path) => (target.single ? "" : sampleIn(patient.ground, path, DEPTH)));
  const below = samples.find((sample) => sample !== undefined);
  // Of STATIC_ROOT judgeDjango has said it; and nobody may have uploaded anything yet.
  const isKnown = patient.apps.some(({ settings }) =>
    [settings?.staticRoot, settings?.mediaRoot].some((known) => paths.some((path) => isSame(path, known))),
  );
  if (below === undefined && isKnown) return undefined;
  if (below === undefined) {
    const have = paths.length === 1 ? "has" : "have";
    return notice(subject, `${pathsOf(target)} ${have} no files`, "put them there, or name another directory");
  }
  if (patient.running === undefined) return undefined;
  return ask(subject, urlPath(route, target, below), site, patient);
}

/** In a directory an exact route looks for the whole path. */
function urlPath({ match }: RouteConfig, { single }: FilesTarget, below: string): string {
  const base = match.kind === "regex" ? "/" : match.path;
  return single || match.kind === "exact"
    ? base
    : base.replace(/\/?$/, "/") + below.split("/").map(encodeURIComponent).join("/");
}

async function ask(subject: string, path: string, site: SiteConfig, { ground }: Patient): Promise<Finding | undefined> {
  const request = requestFor(site, path);
  if (request === undefined) return undefined;
  const answer = await ground.get(request);
  const { url } = request;
  if (answer === 200 || answer === 304) return ok(subject, `${path} is answered ${answer}`);
  // Guards are there on purpose.
  if (answer === 401 || answer === 403)
    return ok(subject, `${path} is answered ${answer}, as access or auth of the route want it`);
  const says = typeof answer === "number" ? `is answered ${answer}` : `gets no answer: ${answer}`;
  return problem(subject, `${url} ${says}`, `server explain ${url} shows which route it meets; server logs why`);
}
