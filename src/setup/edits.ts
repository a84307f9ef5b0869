/**
 * Lines that are missing from the settings of a Django project: which they are, word for word. Written only with consent,
 * at the end of the file, where they overrule what stands above.
 */
import { join } from "node:path";
import { pathInSettings } from "../project/base-dir.ts";
import type { Settings } from "../project/settings.ts";

export interface SettingsEdit {
  /** The file they go to. */
  readonly file: string;
  /** Its text. */
  readonly before: string;
  readonly lines: readonly string[];
  /** Why, a sentence for each. */
  readonly reasons: readonly string[];
  /** What STATIC_ROOT becomes; undefined when it is there. */
  readonly staticRoot: string | undefined;
}

/** Beside manage.py; `static` is where projects keep their own sources. */
const STATIC_FOLDER = "staticfiles";

export function usesStaticFiles({ installedApps, staticPath }: Settings): boolean {
  return staticPath !== undefined && installedApps.includes("django.contrib.staticfiles");
}

/** Undefined when nothing is missing. `text`: of the settings' file, as it is. */
export function missingLines(
  settings: Settings,
  root: string,
  domains: readonly string[],
  text: string | undefined,
): SettingsEdit | undefined {
  const needsRoot = usesStaticFiles(settings) && settings.staticRoot === undefined;
  const unknown = domains.map(allowedForm).filter((name) => !isAllowed(name, settings));
  if (settings.file === undefined || text === undefined || (!needsRoot && unknown.length === 0)) return undefined;
  const staticRoot = needsRoot ? join(root, STATIC_FOLDER) : undefined;
  const rows = [
    ...(needsRoot
      ? [
          [
            `STATIC_ROOT = ${pathInSettings(root, settings.file, text, STATIC_FOLDER)}`,
            `collectstatic has no STATIC_ROOT to put the static files in`,
          ] as const,
        ]
      : []),
    ...(unknown.length > 0
      ? [[hostsLine(settings, unknown), `Django answers 400 to names that ALLOWED_HOSTS does not have`] as const]
      : []),
  ];
  return {
    file: settings.file,
    before: text,
    lines: rows.map(([line]) => line),
    reasons: rows.map(([, reason]) => reason),
    staticRoot,
  };
}

/** `*.example.org` is `.example.org` in Django. */
function allowedForm(name: string): string {
  return name.startsWith("*.") ? name.slice(1) : name;
}

/** As django.http.request.validate_host has it; with DEBUG and an empty list only the machine itself is allowed. */
export function isAllowed(name: string, { allowedHosts, debug }: Settings): boolean {
  if (allowedHosts.length === 0 && debug) return /^(.*\.)?localhost$|^127\.0\.0\.1$|^\[::1\]$/.test(name);
  return allowedHosts.some((pattern) => {
    const allowed = pattern.toLowerCase();
    if (allowed === "*" || allowed === name) return true;
    return allowed.startsWith(".") && (name.endsWith(allowed) || name === allowed.slice(1));
  });
}

/** An empty list allows the machine itself while DEBUG is on; that stays so. */
const LOCAL = ["localhost", "127.0.0.1"];

function hostsLine({ allowedHosts, debug }: Settings, missing: readonly string[]): string {
  const names = allowedHosts.length === 0 && debug ? [...missing, ...LOCAL] : missing;
  const list = `[${names.map((name) => JSON.stringify(name)).join(", ")}]`;
  return allowedHosts.length === 0 ? `ALLOWED_HOSTS = ${list}` : `ALLOWED_HOSTS = [*ALLOWED_HOSTS, ${list.slice(1)}`;
}

/** The file with the lines at its end. */
export function withLines(text: string, lines: readonly string[]): string {
  const before = text.trimEnd();
  return `${before}\n\n# For server: added by server setup.\n${lines.map((line) => `${line}\n`).join("")}`;
}
