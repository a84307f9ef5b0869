/**
 * `server check`: all that is wrong with a configuration, or a summary of what it would serve. Beyond what loading
 * finds, it starts each interpreter once, since one that does not run looks like any other file.
 */
import { spawnSync } from "node:child_process";
import { formatDuration } from "../base/units.ts";
import type { AppConfig, CommandConfig, Config, SiteConfig } from "../config/config.ts";
import type { UpstreamConfig } from "../config/upstream-config.ts";
import { listenKey } from "../config/listen.ts";
import { CONFIG_OPTION, type Command, EXIT_OK, EXIT_USAGE } from "./command.ts";

/** A cold interpreter on a slow disk takes a second or two. */
const VERSION_TIMEOUT_MS = 20_000;

/** What worker.py is written for. */
const OLDEST_PYTHON = [3, 8] as const;

export const CHECK: Command = {
  name: "check",
  summary: "Check the configuration and show what it would serve",
  usage: "[-c FILE]",
  doc: "Changes nothing and listens nowhere. Exits 0 when the configuration can be used, 2 when not.",
  options: { config: CONFIG_OPTION },
  positionalsMax: 0,
  async run(given, terminal) {
    // Imported only here: version and help start without loading the reader of configurations.
    const { readConfiguration } = await import("./configuration.ts");
    const { file, config } = readConfiguration(given, terminal);
    if (config === undefined) return EXIT_USAGE;
    const apps = config.apps.map((app) => ({ app, version: pythonVersion(app) }));
    const refusals = apps.flatMap(({ app, version }) => refuseVersion(app, version));
    if (refusals.length > 0) {
      terminal.stderr(refusals.map((refusal) => `server: ${file}: ${refusal}\n`).join(""));
      return EXIT_USAGE;
    }
    const versions = apps.map(({ version }) => ("version" in version ? version.version : ""));
    terminal.stdout(`${file}: ok\n${summary(config, versions)}`);
    return EXIT_OK;
  },
};

type Version = { readonly version: string } | { readonly failure: string };

function pythonVersion(app: AppConfig): Version {
  const script = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
  const options = { cwd: app.root, encoding: "utf8", timeout: VERSION_TIMEOUT_MS } as const;
  const { error, status, signal, stdout, stderr } = spawnSync(app.python, ["-c", script], options);
  if (error !== undefined) return { failure: error.message };
  const version = stdout.trim();
  if (status === 0 && /^\d+\.\d+\.\d+$/.test(version)) return { version };
  const last = stderr.trim().split("\n").at(-1) ?? "";
  return { failure: `${signal ?? `status ${status}`}${last === "" ? "" : `: ${last}`}` };
}

function refuseVersion(app: AppConfig, version: Version): string[] {
  const key = `app.${app.name}.python`;
  if ("failure" in version) return [`${key}: ${app.python} cannot be run (${version.failure})`];
  const [major = 0, minor = 0] = version.version.split(".").map(Number);
  const isOld = major < OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor < OLDEST_PYTHON[1]);
  return isOld ? [`${key}: is ${version.version}; should be ${OLDEST_PYTHON.join(".")} or newer`] : [];
}

function summary(config: Config, versions: readonly string[]): string {
  const rows = [
    ...config.sites.map((site) => siteRow(site)),
    ...config.apps.map((app, i) => appRow(app, versions[i] ?? "")),
    ...config.upstreams.map((upstream) => upstreamRow(upstream)),
    ...config.services.map((service): Row => [`service ${service.name}`, commandText(service)]),
    ...config.crons.map((cron): Row => [`cron ${cron.name}`, `${cron.schedule}: ${commandText(cron)}`]),
  ];
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join("");
}

type Row = readonly [string, string];

function siteRow(site: SiteConfig): Row {
  const names = site.names.length > 1 ? `${site.names.slice(1).join(", ")}; ` : "";
  const routes = site.routes.length === 1 ? "1 route" : `${site.routes.length} routes`;
  return [`site ${site.label}`, `${names}on ${site.listen.map(listenKey).join(", ")}; ${routes}`];
}

function appRow(app: AppConfig, version: string): Row {
  const { wsgi, processes, processesMin, threads } = app;
  const target = wsgi.kind === "module" ? wsgi.module : wsgi.file;
  const sockets = app.uwsgiSockets.length === 0 ? "" : `; uwsgi on ${app.uwsgiSockets.map(listenKey).join(", ")}`;
  const count = processesMin === processes ? `${processes}` : `${processesMin} to ${processes}`;
  const size = `${count} × ${threads} threads`;
  return [`app ${app.name}`, `${target}:${wsgi.callable}, Python ${version} (${app.python}), ${size}${sockets}`];
}

function commandText({ program, words, cwd }: CommandConfig): string {
  return `${[program, ...words.slice(1)].join(" ")}, in ${cwd}`;
}

function upstreamRow(upstream: UpstreamConfig): Row {
  const servers = upstream.servers.map(
    ({ address, weight }) => listenKey(address) + (weight === 1 ? "" : ` × ${weight}`),
  );
  const patience = `connect ${formatDuration(upstream.connectTimeoutMs)}, read ${formatDuration(upstream.readTimeoutMs)}`;
  return [
    `upstream ${upstream.name}`,
    `${upstream.tls === undefined ? upstream.protocol : "https"} to ${servers.join(", ")}; ${patience}`,
  ];
}
