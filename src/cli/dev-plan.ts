/**
 * What `server dev` serves, as a plan: one process that sees every change of the code, static files from Django's finders
 * (a worker answers them, since the finders know of files that are made while it runs, and of apps that are added), uploads
 * from MEDIA_ROOT, a log for people.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { shellWord } from "../base/words.ts";
import { findUser } from "../config/users.ts";
import { portsInUse, type PortUse } from "../machine/ports.ts";
import type { Files, Surroundings } from "../machine/surroundings.ts";
import {
  type AppKey,
  emptyPlan,
  type Plan,
  type Route,
  type RouteKey,
  Settings,
  type SiteKey,
  type Value,
} from "../import/plan.ts";
import { isVirtualenv } from "../project/folders.ts";
import { findProjects, type Project, type WsgiProject } from "../project/project.ts";
import { type ProjectFacts, targetOf } from "../setup/facts.ts";
import { linesFor } from "../setup/questions-project.ts";
import { folderFrom, folderText } from "../setup/seen.ts";

/** Why there is nothing to serve, with the remedy. */
export class DevProblem extends Error {
  override name = "DevProblem";
}

export interface DevWish {
  /** Relative paths are relative to it. */
  readonly folder: string;
  /** Empty: a port that is free. */
  readonly listen: readonly string[];
  readonly settings: string | undefined;
  /** It is root who asks. */
  readonly isRoot: boolean;
}

export interface DevPlan {
  readonly plan: Plan;
  readonly listen: readonly string[];
  /** Who has the usual port. */
  readonly taken: PortUse | undefined;
  /** A virtualenv of the project whose interpreter is not the one that runs it. */
  readonly passedOver: string | undefined;
}

const HOST = "127.0.0.1";
/** Django's own. */
const FIRST_PORT = 8000;
/** Beyond these something else is wrong. */
const PORTS_TRIED = 100;
/** A page asks for its files at once. */
const THREADS = 4;

/** `app`: `module:callable` that was said by hand. */
export function findProject({ files }: Surroundings, folder: string, app: string | undefined): Project {
  const found = findProjects(files, folder).filter((each) => each.kind !== "static" || app === undefined);
  const [project, second] = found;
  if (app !== undefined && project?.kind === "django") return { ...project, wsgi: [app] };
  if (app !== undefined)
    return { kind: "wsgi", root: folder, name: /^\w+/.exec(app)?.[0] ?? "app", callables: [named(app)] };
  if (project === undefined)
    throw new DevProblem(
      `there is no project in ${folder}: no manage.py, and no WSGI application; server dev FOLDER looks in another one, --app module:callable names it, server files serves a folder`,
    );
  if (second?.kind === "django" && project.root !== folder) {
    const names = found.map(({ root }) => shellWord(folderFrom(folder, root)));
    throw new DevProblem(
      `there are several projects here, ${names.join(", ")}: say which, as in server dev ${names[0]}`,
    );
  }
  return project;
}

function named(app: string): WsgiProject["callables"][number] {
  const [module = "", callable = "application"] = app.split(":");
  return { file: `${module}.py`, module, callable, framework: "WSGI", factory: false, asgi: false };
}

export function planFor(files: Files, facts: ProjectFacts, wish: DevWish): DevPlan {
  const plan = emptyPlan();
  const { listen, taken } = wish.listen.length > 0 ? { listen: wish.listen, taken: undefined } : freeAddress(files);
  if (wish.isRoot) setUser(plan, facts.project.root);
  plan.server.set("log_level", "notice");
  plan.server.set("error_log_format", "short");
  plan.server.set("access_log_format", "short");
  const site = new Settings<SiteKey>();
  site.set(
    "listen",
    listen.map((each): Value => (/^\d+$/.test(each) ? Number(each) : each)),
  );
  const routes = [...mediaRoutes(files, facts), mainRoute(plan, facts, wish)];
  plan.sites.push({ settings: site, routes, origin: undefined });
  return { plan, listen, taken, passedOver: passedOver(files, facts) };
}

/** One whose interpreter cannot be executed looks like none; without a word people would wonder where their packages are. */
function passedOver(files: Files, { project, python }: ProjectFacts): string | undefined {
  if (python?.chosen === undefined || python.chosen.virtualenv !== undefined || python.chosen.origin === "--python")
    return undefined;
  return [".venv", "venv", "env"].map((name) => join(project.root, name)).find((path) => isVirtualenv(files, path));
}

/** Whose the project is, so that what it writes stays his. One that is root's runs as root, as in a container of development. */
function setUser({ server }: Plan, root: string): void {
  const { uid } = statSync(root);
  if (uid === 0) server.set("run_as_root", true);
  else server.set("user", findUser(String(uid))?.name ?? String(uid));
}

function freeAddress(files: Files): { listen: string[]; taken: PortUse | undefined } {
  const ports = Array.from({ length: PORTS_TRIED }, (_, i) => FIRST_PORT + i);
  const uses = portsInUse(files, ports);
  const port = ports.find((each) => !uses.some((use) => use.port === each));
  if (port === undefined)
    throw new DevProblem(`ports ${FIRST_PORT} to ${FIRST_PORT + PORTS_TRIED - 1} are taken; --listen names another`);
  return { listen: [`${HOST}:${port}`], taken: uses.find((use) => use.port === FIRST_PORT) };
}

function mainRoute(plan: Plan, facts: ProjectFacts, wish: DevWish): Route {
  const settings = new Settings<RouteKey>();
  if (facts.project.kind === "static") {
    settings.set("files", folderText(wish.folder, facts.project.root));
  } else {
    const name = facts.project.name;
    plan.apps.set(name, appOf(facts, facts.project, wish));
    settings.set("app", name);
  }
  return { pattern: "/", settings, origin: undefined };
}

function appOf(facts: ProjectFacts, project: Exclude<Project, { kind: "static" }>, wish: DevWish): Settings<AppKey> {
  const { python, loaded } = facts;
  if (python?.chosen === undefined)
    throw new DevProblem(`no Python that runs was found for ${project.root}; --python names one`);
  if (project.kind === "django" && python.chosen.django === undefined && loaded?.failure !== undefined)
    throw new DevProblem(`${loaded.failure.what}; ${loaded.failure.remedy}`);
  const app = new Settings<AppKey>();
  app.set("root", folderFrom(wish.folder, project.root));
  app.set("wsgi", applicationOf(project));
  app.set(
    "python",
    python.chosen.virtualenv === undefined ? python.chosen.python : folderFrom(wish.folder, python.chosen.virtualenv),
  );
  app.set("processes", 1);
  app.set("threads", THREADS);
  app.set("reload_on_change", true);
  if (project.kind === "django" && hasFinders(facts)) app.set("static_finders", true);
  // A request that stands at a breakpoint is not ended.
  app.set("request_timeout", 0);
  if (wish.settings !== undefined) app.set("env", { DJANGO_SETTINGS_MODULE: wish.settings });
  return app;
}

/** Also where the settings cannot be loaded as yet: they mostly have it. */
function hasFinders({ loaded }: ProjectFacts): boolean {
  const settings = loaded?.settings;
  return (
    settings === undefined ||
    (settings.installedApps.includes("django.contrib.staticfiles") && settings.staticPath !== undefined)
  );
}

function applicationOf(project: Exclude<Project, { kind: "static" }>): string {
  if (project.kind === "django") {
    const [module] = project.wsgi;
    if (module !== undefined) return module.includes(":") ? module : `${module}:application`;
    throw new DevProblem(`${project.root} has no wsgi.py; Django's startproject writes one beside the settings`);
  }
  const [first] = project.callables;
  const target = targetOf(first);
  if (target !== undefined) return target;
  if (first === undefined) throw new DevProblem("there is no WSGI application; --app module:callable names it");
  if (first.asgi)
    throw new DevProblem(
      `${first.callable} in ${first.file} speaks ASGI (${first.framework}), which an ASGI server serves: uvicorn ${first.module ?? first.file}:${first.callable} --port 9000, and server proxy 8000 9000 in front of it`,
    );
  const lines = linesFor(first).filter((line) => line !== "");
  throw new DevProblem(
    `${first.file} makes its application in ${first.callable}(), and a server needs it under a name; in wsgi.py, which server setup --factory write makes:\n    ${lines.join("\n    ")}`,
  );
}

/** Uploads, where the project has them; it has to answer them itself where the URL is elsewhere. */
function mediaRoutes(files: Files, { loaded }: ProjectFacts): Route[] {
  const { mediaPath, mediaRoot } = loaded?.settings ?? {};
  if (mediaPath === undefined || mediaPath === "/" || mediaRoot === undefined || files.kind(mediaRoot) !== "directory")
    return [];
  const settings = new Settings<RouteKey>();
  settings.set("files", `${mediaRoot.replace(/\/$/, "")}/`);
  return [{ pattern: mediaPath, settings, origin: undefined }];
}
