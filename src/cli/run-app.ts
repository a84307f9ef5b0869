/** `server run --app mysite.wsgi:application --files /static/=static`: an application without a file. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type AppKey, emptyPlan, freeName, type Plan, type RouteKey, Settings, type SiteKey } from "../import/plan.ts";
import { EXIT_FAILED, EXIT_USAGE, type Given, type Terminal } from "./command.ts";
import { addressSite, refuseRoot, serveQuickly } from "./quick.ts";
import { listOf, patternOf, readMapping, textOf } from "./quick-options.ts";

export async function runApp(given: Given, terminal: Terminal): Promise<number> {
  const plan = planOf(given, terminal);
  if (typeof plan === "string") {
    terminal.stderr(`server run: ${plan}\nserver help run shows how it is used.\n`);
    return EXIT_USAGE;
  }
  const print = given.options["print"] === true;
  const user = textOf(given, "user");
  const refusal = print || plan.apps.size === 0 ? undefined : refuseRoot(given, terminal);
  if (refusal !== undefined) {
    terminal.stderr(`server run: ${refusal}\n`);
    return EXIT_FAILED;
  }
  if (user !== undefined) plan.server.set("user", user);
  return serveQuickly({ words: ["run", ...given.words], plan, source: optionOf, print }, terminal);
}

/** A string is what is wrong. */
function planOf(given: Given, terminal: Terminal): Plan | string {
  if (given.options["config"] !== undefined)
    return "-c names a file, which says all of it; --app and --files are for none";
  const plan = emptyPlan();
  const target = textOf(given, "app");
  const routes: Plan["sites"][number]["routes"] = [];
  for (const written of listOf(given, "files")) {
    const mapping = readMapping(written);
    if (typeof mapping === "string") return `--files ${mapping}`;
    const [path, to] = mapping;
    const isFile = statSync(resolve(terminal.folder, to), { throwIfNoEntry: false })?.isFile() === true;
    const settings = new Settings<RouteKey>();
    settings.set("files", isFile || to.endsWith("/") ? to : `${to}/`);
    routes.push({ pattern: patternOf(path, isFile), settings, origin: undefined });
  }
  if (target !== undefined) routes.push(appRoute(plan, target, given));
  const settings = new Settings<SiteKey>();
  addressSite(settings, listOf(given, "listen"), listOf(given, "domain"));
  plan.sites.push({ settings, routes, origin: undefined });
  return plan;
}

function appRoute(plan: Plan, target: string, given: Given): Plan["sites"][number]["routes"][number] {
  const name = freeName(/^[A-Za-z0-9_]+/.exec(target)?.[0] ?? "app", plan.apps);
  const app = new Settings<AppKey>();
  app.set("wsgi", target);
  const python = textOf(given, "python");
  if (python !== undefined) app.set("python", python);
  for (const key of ["processes", "threads"] as const) {
    const count = textOf(given, key);
    if (count !== undefined) app.set(key, /^\d{1,9}$/.test(count) ? Number(count) : count);
  }
  plan.apps.set(name, app);
  const settings = new Settings<RouteKey>();
  settings.set("app", name);
  return { pattern: "/", settings, origin: undefined };
}

function optionOf(key: string): string {
  const last = key.slice(key.lastIndexOf(".") + 1);
  const options: Readonly<Record<string, string>> = { wsgi: "--app", root: "--app", names: "--domain" };
  return options[last] ?? `--${last}`;
}
