/** ALLOWED_HOSTS against the names of sites: Django answers 400 to a Host that it does not know. */
import type { SiteConfig } from "../config/config.ts";
import type { Settings } from "../project/settings.ts";
import { type Finding, ok, problem } from "./finding.ts";
import type { AppFacts, Check } from "./patient.ts";

/** Django allows these while DEBUG is on and ALLOWED_HOSTS is empty. */
const DEBUG_HOSTS: readonly string[] = [".localhost", "127.0.0.1", "[::1]"];

export const HOSTS: Check = {
  name: "hosts",
  run: ({ config, apps }) =>
    apps.flatMap((facts) => {
      const { settings } = facts;
      if (settings === undefined) return [];
      const sites = config.sites.filter(({ routes }) =>
        routes.some(({ target }) => target.kind === "app" && target.app === facts.app.name),
      );
      return [...sites.flatMap((site) => judgeHosts(facts, settings, site)), ...judgeDebug(facts, settings, sites)];
    }),
};

function judgeHosts({ app }: AppFacts, settings: Settings, { names, label }: SiteConfig): Finding[] {
  const { allowedHosts, debug, file = "the settings" } = settings;
  const allowed = debug && allowedHosts.length === 0 ? DEBUG_HOSTS : allowedHosts;
  const subject = `ALLOWED_HOSTS of app ${app.name}`;
  // One without names takes every Host: which of them Django should allow nobody can know, but some.
  if (names.length === 0)
    return allowed.length > 0
      ? [ok(subject, `${allowed.join(", ")}; site ${label} takes every host`)]
      : [
          problem(
            subject,
            "it is empty, so Django answers 400 to everything",
            `ALLOWED_HOSTS = ["www.example.org"] in ${file}`,
          ),
        ];
  const missing = names.filter((name) => !name.startsWith("~") && !isAllowed(name, allowed));
  if (missing.length === 0) return [ok(subject, `has all names of site ${label}`)];
  const all = [...allowedHosts, ...missing.map((name) => name.replace(/^\*\./, "."))];
  const says = `does not have ${missing.join(", ")} of site ${label}: Django answers 400 there`;
  return [problem(subject, says, `ALLOWED_HOSTS = ${JSON.stringify(all)} in ${file}`)];
}

/** django.http.request.validate_host. */
function isAllowed(name: string, allowed: readonly string[]): boolean {
  const host = name.replace(/^\*?\./, "").toLowerCase();
  const isPattern = name !== host;
  return allowed.some((each) => {
    const pattern = each.toLowerCase();
    if (pattern === "*") return true;
    if (pattern.startsWith(".")) return host === pattern.slice(1) || host.endsWith(pattern);
    return !isPattern && pattern === host;
  });
}

/** With it every error shows the settings to whoever caused it. */
function judgeDebug(
  { app }: AppFacts,
  { debug, file = "the settings" }: Settings,
  sites: readonly SiteConfig[],
): Finding[] {
  const isOpen = sites.some(({ listen }) =>
    listen.some((each) => each.kind === "tcp" && !/^(127\.|::1$)/.test(each.host)),
  );
  if (!debug || !isOpen) return [];
  return [
    problem(
      `DEBUG of app ${app.name}`,
      "is on, and pages of errors show the code and the settings to everybody",
      `DEBUG = False in ${file}`,
    ),
  ];
}
