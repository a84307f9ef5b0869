/**
 * Commands that uWSGI waits for before it loads the app: services that are to be done first. Its order (core/uwsgi.c
 * uwsgi_start, core/utils.c uwsgi_as_root), of each phase the hooks before the commands:
 *
 *   asap ▶ pre-jail ▶ in-jail ▶ as-root ▶ gid, uid ▶ as-user ▶ chdir ▶ pre-app ▶ the app
 *
 * What comes before uid is root's, and what is root's here is not for a server to do that gives up root's rights.
 */
import type { ServiceKey, Value } from "../plan.ts";
import type { Context } from "./context.ts";
import { addService } from "./daemons.ts";
import { isYes } from "./given.ts";
import type { Option } from "./option.ts";
import { remarkOn } from "./remarks.ts";

const PHASES = ["asap", "pre-jail", "in-jail", "as-root", "as-user", "pre-app"] as const;
type Phase = (typeof PHASES)[number];

/** With one of these uid comes later than chdir, or than the app. */
const DROPS_LATE = ["chown-socket", "master-as-root", "drop-after-init", "drop-after-apps"];
const JAILS = ["chroot", "pivot-root", "pivot_root", "unshare", "unshare2", "jailed"];

export function translateHooks(context: Context): void {
  const { given } = context;
  tellPostJail(context);
  for (const phase of PHASES) {
    for (const option of given.all(`hook-${phase}`)) {
      const [, action = "", command = ""] = /^!?(exec|safeexec):(.*)$/s.exec(option.value ?? "") ?? [];
      if (action === "") given.notSupported(option, remarkOn(option.key)?.sentence ?? "", "changes-meaning");
      else addFirst(context, phase, option, action === "exec" ? command : `(${command}) || true`);
    }
    for (const option of given.all(`exec-${phase}`)) addFirst(context, phase, option, option.value ?? "");
  }
}

function addFirst(context: Context, phase: Phase, option: Option, command: string): void {
  const { given, base, root } = context;
  const why = whyNot(context, phase);
  if (why?.verdict === "noEffectThere") return given.tell("noEffectThere", option, why.sentence);
  if (why !== undefined) return given.notSupported(option, why.sentence, "changes-meaning");
  const isEarly = phase !== "pre-app" && !(phase.startsWith("as-") && given.look(...DROPS_LATE).length > 0);
  const more: Partial<Record<ServiceKey, Value>> = { start: "first", ...(isEarly && base !== root && { cwd: base }) };
  const isLazy = phase === "pre-app" && isYes(given.look("lazy-apps", "lazy").at(-1));
  addService(context, option, command, more, isLazy ? ", once and not in each worker" : ", done before the app starts");
}

/** Why it is not run, or not as the same user. */
function whyNot(
  { given, app, purpose, around }: Context,
  phase: Phase,
): { verdict: "noEffectThere" | "notSupported"; sentence: string } | undefined {
  const hasUser = app.has("user");
  const byRoot = around.user.id === 0 || (hasUser && purpose === "import");
  if (!byRoot && phase.startsWith("as-")) {
    const sentence = "is run only when root starts uWSGI";
    return purpose === "run"
      ? { verdict: "noEffectThere", sentence }
      : { verdict: "notSupported", sentence: `${sentence}; if so, make it a [service.NAME] with start = "first"` };
  }
  if (!hasUser || !byRoot || phase === "as-user") return undefined;
  const isLazy = isYes(given.look("lazy-apps", "lazy").at(-1));
  const keepsRoot = ["master-as-root", "drop-after-apps"].some((name) => isYes(given.look(name).at(-1)));
  if (phase === "pre-app" && (isLazy || !keepsRoot)) return undefined;
  const sentence = "is root's, before uid; have it done before the server starts, as by ExecStartPre=+ in its unit";
  return { verdict: "notSupported", sentence };
}

function tellPostJail({ given }: Context): void {
  const isJailed = given.look(...JAILS).length > 0;
  for (const option of given.all("hook-post-jail", "exec-post-jail")) {
    if (isJailed) given.notSupported(option, "there is no jail here to run it in", "changes-meaning");
    else given.tell("noEffectThere", option, "is run in a jail only, and there is none");
  }
}
