/** Answers → the text of server.toml: what a person would have written, with only what differs from the defaults. */
import { dirname, join } from "node:path";
import { emptyPlan, type Plan, Settings, type Site, type SiteKey, type Value } from "../import/plan.ts";
import { writePlan } from "../import/write.ts";
import type { DjangoProject, WsgiProject } from "../project/project.ts";
import { targetOf } from "./facts.ts";
import type { Answers } from "./question.ts";
import { sizingOf, staticRootOf } from "./questions-app.ts";
import { isOnWeb, writtenPath } from "./questions-site.ts";
import { ROOT_USER, userOf } from "./questions-user.ts";
import { folderText, relativeTo, type Seen, usableCallables, writtenDomains } from "./seen.ts";
import { DEFAULT_THREADS } from "./sizing.ts";

const HEAD = [
  "Written by server setup. Every key: server help config.",
  "After a change: server check, then server reload.",
];

const OWN_FILES = String.raw`~ ^/server\.(toml|log)`;

/** `folder`: in which the file will stand; paths below it are written relative to it. */
export function configurationText(seen: Seen, answers: Answers, folder: string): string {
  if (answers.import === "yes" && seen.importable !== undefined) return seen.importable.toml;
  const plan = emptyPlan();
  plan.head.push(...HEAD);
  const site: Site = { settings: siteSettings(seen, answers, folder), routes: [], origin: undefined };
  plan.sites.push(site);
  addRoutes(plan, site, seen, answers, folder);
  const user = userOf(seen, answers);
  if (user === ROOT_USER) plan.server.set("run_as_root", true);
  else if (user !== undefined) plan.server.set("user", user);
  return writePlan(plan);
}

function siteSettings(seen: Seen, answers: Answers, folder: string): Settings<SiteKey> {
  const settings = new Settings<SiteKey>();
  const names = writtenDomains(answers);
  if (names.length > 0) settings.set("names", names);
  const { https = "off" } = answers;
  const listen = listenOf(answers);
  if (listen !== undefined) settings.set("listen", listen);
  if (https === "auto" || https === "internal") settings.set("tls", https);
  const path = (typed: string) => writtenPath(seen, folder, typed);
  if (https === "files") settings.set("tls", { cert: path(answers.cert ?? ""), key: path(answers.key ?? "") });
  return settings;
}

/** Undefined: the defaults, which are 80, and 443 with HTTPS. */
function listenOf(answers: Answers): Value | undefined {
  if (isOnWeb(answers)) return undefined;
  const { listen = "", https = "off" } = answers;
  const address = /^\d+$/.test(listen) ? Number(listen) : listen;
  return https === "off" ? [address] : [{ address, tls: true }];
}

function addRoutes(plan: Plan, site: Site, seen: Seen, answers: Answers, folder: string): void {
  const project = seen.facts?.project;
  if (answers.kind === "proxy") return addUpstream(plan, site, answers.upstream ?? "");
  if (project === undefined) return;
  if (project.kind === "static") {
    if (project.root === folder)
      addRoute(site, OWN_FILES, { error: 404 }, "This file and its log stand among the others.");
    return addRoute(site, "/", { files: folderText(folder, project.root) });
  }
  plan.apps.set(project.name, appSettings(seen, project, answers, folder));
  addFileRoutes(site, seen, answers, folder);
  addRoute(site, prefixOf(seen), { app: project.name });
}

/** Below FORCE_SCRIPT_NAME the project finds itself. */
export function prefixOf(seen: Seen): string {
  const script = seen.facts?.loaded?.settings?.scriptName?.replace(/^\/+|\/+$/g, "") ?? "";
  return script === "" ? "/" : `/${script}/`;
}

function addRoute(site: Site, pattern: string, keys: Readonly<Record<string, Value>>, comment?: string): void {
  const settings: Site["routes"][number]["settings"] = new Settings();
  for (const [key, value] of Object.entries(keys)) settings.set(key as Parameters<typeof settings.set>[0], value);
  if (comment !== undefined) settings.comment = comment;
  site.routes.push({ pattern, settings, origin: undefined });
}

function addUpstream(plan: Plan, site: Site, address: string): void {
  const upstream: Plan["upstreams"] extends Map<string, infer S> ? S : never = new Settings();
  const isHttps = address.startsWith("https://");
  const host = address.replace(/^https?:\/\//, "").replace(/\/$/, "");
  if (isHttps) upstream.set("protocol", "https");
  const server = /^\d+$/.test(host) ? `127.0.0.1:${host}` : host;
  const port = isHttps ? 443 : 80;
  const isWhole = server.startsWith("unix:") || /:\d+$/.test(server);
  upstream.set("servers", [isWhole ? server : `${server}:${port}`]);
  plan.upstreams.set("backend", upstream);
  addRoute(site, "/", { upstream: "backend" });
}

type AppSettings = Plan["apps"] extends Map<string, infer S> ? S : never;

function appSettings(seen: Seen, project: DjangoProject | WsgiProject, answers: Answers, folder: string): AppSettings {
  const app: AppSettings = new Settings();
  const host = seen.machine.host;
  if (project.root !== folder) app.set("root", relativeTo(folder, project.root));
  app.set("wsgi", wsgiOf(seen, project, answers));
  const python = pythonOf(seen, project, folder);
  if (python !== undefined) app.set("python", python);
  if (answers.processes !== String(host.cores))
    app.set("processes", Number(answers.processes), undefined, sizeReason(seen, answers));
  if (answers.threads !== String(DEFAULT_THREADS)) app.set("threads", Number(answers.threads));
  const variables = { ...settingsVariable(seen, project, answers), ...seen.variables };
  if (Object.keys(variables).length > 0) app.set("env", variables);
  return app;
}

/** Not what a process was seen to take: that differs a little each time. Nothing for a number of somebody's own. */
function sizeReason(seen: Seen, { processes, threads }: Answers): string | undefined {
  const offered = sizingOf(seen);
  const isOffered = processes === String(offered.processes) && threads === String(offered.threads);
  return isOffered ? `For ${offered.machine}.` : undefined;
}

/** `application` goes without saying. */
function wsgiOf(seen: Seen, project: DjangoProject | WsgiProject, answers: Answers): string {
  if (project.kind === "django") return `${project.wsgi[0] ?? fromSettings(seen)}:application`;
  if (answers.factory === "write") return "wsgi:application";
  return answers.callable ?? targetOf(usableCallables(project)[0]) ?? "";
}

/** `mysite.wsgi.application` is `mysite.wsgi` with its callable. */
function fromSettings(seen: Seen): string {
  return (seen.facts?.loaded?.settings?.wsgi ?? "").replace(/\.[^.]*$/, "");
}

/** Undefined where the configuration finds the same by itself (config/python.ts). */
function pythonOf(seen: Seen, project: DjangoProject | WsgiProject, folder: string): string | undefined {
  const chosen = seen.facts?.python?.chosen;
  if (chosen === undefined) return undefined;
  const nearby = [project.root, dirname(project.root)].flatMap((place) =>
    [".venv", "venv", "env"].map((name) => join(place, name)),
  );
  const found = nearby.find((path) => seen.files.kind(join(path, "bin")) === "directory");
  if (chosen.virtualenv !== undefined)
    return found === chosen.virtualenv ? undefined : relativeTo(folder, chosen.virtualenv);
  // The python3 of every PATH, and nothing that would come before it.
  const isFirst = chosen.origin === "PATH" && seen.facts?.python?.others.length === 0;
  const isUsual = isFirst && /^(\/usr)?\/bin\/python3$/.test(chosen.python);
  return found === undefined && isUsual ? undefined : chosen.python;
}

/** Needed when wsgi.py would take other settings. */
function settingsVariable(
  seen: Seen,
  project: DjangoProject | WsgiProject,
  answers: Answers,
): Readonly<Record<string, string>> {
  const module = seen.facts?.loaded?.settings?.module ?? answers.settings;
  if (project.kind !== "django" || module === undefined) return {};
  const [own] = project.settings;
  return own?.module === module && own.by !== "manage.py" ? {} : { DJANGO_SETTINGS_MODULE: module };
}

function addFileRoutes(site: Site, seen: Seen, answers: Answers, folder: string): void {
  const settings = seen.facts?.loaded?.settings;
  const staticRoot = staticRootOf(seen, answers);
  if (settings?.staticPath !== undefined && staticRoot !== undefined)
    addRoute(site, settings.staticPath, { files: folderText(folder, staticRoot) }, "What collectstatic gathers.");
  const { uploads } = answers;
  if (
    settings?.mediaPath === undefined ||
    settings.mediaRoot === undefined ||
    (uploads !== "public" && uploads !== "private")
  )
    return;
  const files = folderText(folder, settings.mediaRoot);
  if (uploads === "public") addRoute(site, settings.mediaPath, { files }, "Uploads.");
  else
    addRoute(
      site,
      settings.mediaPath,
      { files, internal: true },
      "Uploads: the project lets them out by X-Accel-Redirect; clients get 404.",
    );
}
