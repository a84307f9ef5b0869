/**
 * The settings of a Django project, as its own interpreter computes them (probe.py), and whether the project can be
 * loaded at all. Executes the project's code, bounded in time; its output is kept apart from the answer.
 */
import { isAbsolute, join } from "node:path";
import type { Ran, Surroundings } from "../machine/surroundings.ts";
import PROBE from "./probe.py" with { type: "text" };

export interface Settings {
  /** `mysite.settings` */
  readonly module: string | undefined;
  /** The file that defines it, for advice about what to add. */
  readonly file: string | undefined;
  readonly debug: boolean;
  readonly allowedHosts: readonly string[];
  /** With slashes at both ends; undefined for an absolute URL (a CDN serves them) or none. */
  readonly staticPath: string | undefined;
  readonly staticUrl: string | undefined;
  /** Absolute. */
  readonly staticRoot: string | undefined;
  readonly mediaPath: string | undefined;
  readonly mediaUrl: string | undefined;
  readonly mediaRoot: string | undefined;
  readonly databases: readonly Database[];
  readonly installedApps: readonly string[];
  readonly middleware: readonly string[];
  readonly staticStorage: string;
  readonly defaultStorage: string;
  readonly scriptName: string | undefined;
  /** `mysite.wsgi.application` */
  readonly wsgi: string | undefined;
  readonly asgi: string | undefined;
  readonly csrfTrustedOrigins: readonly string[];
  readonly csrfCookieSecure: boolean;
  readonly sessionCookieSecure: boolean;
  readonly sslRedirect: boolean;
  readonly hstsSeconds: number;
  /** `["HTTP_X_FORWARDED_PROTO", "https"]` */
  readonly proxySslHeader: readonly string[] | undefined;
  readonly useForwardedHost: boolean;
}

export interface Database {
  readonly alias: string;
  /** `django.db.backends.postgresql` */
  readonly engine: string;
  /** Of SQLite the path of its file. */
  readonly name: string | undefined;
}

export type ProbeStage = "start" | "django" | "settings" | "apps" | "wsgi";

export interface ProbeFailure {
  /** How far it came: what was being loaded. */
  readonly stage: ProbeStage;
  /** `ModuleNotFoundError`; of an interpreter that said nothing, `timeout` or how it ended. */
  readonly type: string;
  readonly message: string;
  /** The module that is not there. */
  readonly missing: string | undefined;
  readonly traceback: readonly string[];
}

export interface Probed {
  readonly django: string | undefined;
  /** What one process takes with the project loaded; undefined when the interpreter said nothing. */
  readonly memoryBytes: number | undefined;
  /** There also when something behind the settings failed. */
  readonly settings: Settings | undefined;
  readonly failure: ProbeFailure | undefined;
}

export interface ProbeWish {
  readonly python: string;
  readonly root: string;
  /** `wsgi`: it is loaded, and has no settings. */
  readonly kind?: "django" | "wsgi";
  /** Undefined: what the WSGI module sets. */
  readonly settings: string | undefined;
  /** `module:callable`; undefined: what the settings name. */
  readonly wsgi: string | undefined;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Projects that load models of machine learning take long, those that wait for a database that is not there for ever. */
const PROBE_TIMEOUT_MS = 60_000;

export async function probeSettings(
  surroundings: Surroundings,
  wish: ProbeWish,
  signal?: AbortSignal,
): Promise<Probed> {
  const words = [wish.python, "-c", PROBE, wish.kind ?? "django", wish.settings ?? "", wish.wsgi ?? ""];
  const options = { folder: wish.root, timeoutMs: PROBE_TIMEOUT_MS, ...(signal && { signal }) };
  const environment = { PYTHONDONTWRITEBYTECODE: "1", ...wish.environment };
  return readAnswer(await surroundings.run(words, { ...options, environment }), wish.root);
}

interface Answer {
  readonly memory: number;
  readonly django: string | null;
  readonly settings: Readonly<Record<string, unknown>> | null;
  readonly failure: (Omit<ProbeFailure, "missing"> & { readonly missing: string | null }) | null;
}

export function readAnswer(ran: Ran, root: string): Probed {
  let answer: Answer;
  try {
    answer = JSON.parse(ran.result) as Answer;
  } catch {
    return { django: undefined, memoryBytes: undefined, settings: undefined, failure: saidNothing(ran) };
  }
  const { failure } = answer;
  return {
    django: answer.django ?? undefined,
    memoryBytes: answer.memory,
    settings: answer.settings === null ? undefined : readSettings(answer.settings, root),
    failure: failure === null ? undefined : { ...failure, missing: failure.missing ?? undefined },
  };
}

function saidNothing({ code, stderr, failure }: Ran): ProbeFailure {
  const traceback = stderr.trimEnd() === "" ? [] : stderr.trimEnd().split("\n");
  const type = failure ?? `status ${code}`;
  const message =
    failure === "timeout" ? `it did not end in ${PROBE_TIMEOUT_MS / 1000} seconds` : (traceback.at(-1) ?? type);
  return { stage: "start", type, message, missing: undefined, traceback };
}

function readSettings(raw: Readonly<Record<string, unknown>>, root: string): Settings {
  const text = (name: string) => textOf(raw[name]);
  const texts = (name: string) => listOf(raw[name]);
  const path = (name: string) => {
    const written = text(name);
    return written === undefined || isAbsolute(written) ? written : join(root, written);
  };
  const storages = (raw["STORAGES"] ?? {}) as Readonly<Record<string, string>>;
  return {
    module: text("module"),
    file: text("file"),
    debug: raw["DEBUG"] === true,
    allowedHosts: texts("ALLOWED_HOSTS"),
    staticPath: urlPath(text("STATIC_URL")),
    staticUrl: text("STATIC_URL"),
    staticRoot: path("STATIC_ROOT"),
    mediaPath: urlPath(text("MEDIA_URL")),
    mediaUrl: text("MEDIA_URL"),
    mediaRoot: path("MEDIA_ROOT"),
    databases: databasesOf(raw["DATABASES"]),
    installedApps: texts("INSTALLED_APPS"),
    middleware: texts("MIDDLEWARE"),
    staticStorage: storages["staticfiles"] ?? "",
    defaultStorage: storages["default"] ?? "",
    scriptName: text("FORCE_SCRIPT_NAME"),
    wsgi: text("WSGI_APPLICATION"),
    asgi: text("ASGI_APPLICATION"),
    csrfTrustedOrigins: texts("CSRF_TRUSTED_ORIGINS"),
    csrfCookieSecure: raw["CSRF_COOKIE_SECURE"] === true,
    sessionCookieSecure: raw["SESSION_COOKIE_SECURE"] === true,
    sslRedirect: raw["SECURE_SSL_REDIRECT"] === true,
    hstsSeconds: typeof raw["SECURE_HSTS_SECONDS"] === "number" ? raw["SECURE_HSTS_SECONDS"] : 0,
    proxySslHeader: Array.isArray(raw["SECURE_PROXY_SSL_HEADER"]) ? texts("SECURE_PROXY_SSL_HEADER") : undefined,
    useForwardedHost: raw["USE_X_FORWARDED_HOST"] === true,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function databasesOf(value: unknown): Database[] {
  const entries = Object.entries((value ?? {}) as Readonly<Record<string, { ENGINE?: unknown; NAME?: unknown }>>);
  return entries.map(([alias, { ENGINE, NAME }]) => ({ alias, engine: textOf(ENGINE) ?? "", name: textOf(NAME) }));
}

/** `/static/`, also for `static/`, which Django takes for it; none for `https://cdn.example.org/` and for `/` itself. */
function urlPath(url: string | undefined): string | undefined {
  if (url === undefined || /^([a-z]+:)?\/\//i.test(url)) return undefined;
  const inner = url.replace(/^\/+|\/+$/g, "");
  return inner === "" ? undefined : `/${inner}/`;
}
