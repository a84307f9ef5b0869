/**
 * As whom it runs. Who we are is the caller's to know. uWSGI and gunicorn are their user as a whole, so where all apps are of one user, and nginx had none of its own, the
 * server is that one; an app that is of the server's user need not say so.
 */
import type { AppKey, Plan, Settings } from "./plan.ts";

const KEYS = ["user", "group"] as const;

export function settleUsers(plan: Plan): void {
  const apps = [...plan.apps.values()];
  const [first] = apps;
  if (first === undefined || !apps.every((app) => isSame(app, first))) return;
  if (!plan.server.has("user") && first.has("user")) {
    for (const { key, value, origin } of first.all) if (isKey(key)) plan.server.set(key, value, origin);
  }
  for (const app of apps)
    if (KEYS.every((key) => app.get(key) === plan.server.get(key))) for (const key of KEYS) app.delete(key);
}

/** uWSGI without a uid is who starts it, and root only has a warning of it; so is a unit without User=; a server.toml for root has to say so.
 *  @returns whether it had to. */
export function keepRoot({ server, apps }: Plan): boolean {
  const namesNobody = [...apps.values()].some((app) => !app.has("user")) && !server.has("user");
  if (!namesNobody || server.has("run_as_root")) return false;
  server.set(
    "run_as_root",
    true,
    undefined,
    'as it was, since nothing names a user; user = "www-data" in its place is safer',
  );
  return true;
}

function isKey(key: AppKey): key is (typeof KEYS)[number] {
  return key === "user" || key === "group";
}

function isSame(app: Settings<AppKey>, other: Settings<AppKey>): boolean {
  return KEYS.every((key) => app.get(key) === other.get(key));
}
