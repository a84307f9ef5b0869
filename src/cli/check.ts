/**
 * `server check`: all that is wrong with a configuration, or a summary of what it would serve. Beyond what loading
 * finds, it starts each interpreter once, since one that does not run looks like any other file.
 */
import { formatDuration } from "../base/units.ts";
import type { AppConfig, CommandConfig, Config, SiteConfig } from "../config/config.ts";
import type { UpstreamConfig } from "../config/upstream-config.ts";
import { listenKey } from "../config/listen.ts";
import type { Surroundings } from "../machine/surroundings.ts";
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
    const { servingApp, startedAs, whoServes } = await import("../doctor/accounts.ts");
    const { here } = await import("../machine/here.ts");
    const { file, config } = readConfiguration(given, terminal);
    if (config === undefined) return EXIT_USAGE;
    const { files, run } = here();
    const serving = whoServes(config.server, files);
    const apps: { app: AppConfig; version: Version }[] = [];
    for (const app of config.apps) {
      // Never as root for somebody else: whoever may write a virtualenv says what its interpreter does.
      const as = serving && startedAs(files, servingApp(app, serving));
      apps.push({ app, version: await pythonVersion(app, (words, options) => run(words, { ...options, as })) });
    }
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

async function pythonVersion(app: AppConfig, run: Surroundings["run"]): Promise<Version> {
  const script = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
  const options = { folder: app.root, timeoutMs: VERSION_TIMEOUT_MS };
  const { failure, code, stdout, stderr } = await run([app.python, "-c", script], options);
  const version = stdout.trim();
  if (code === 0 && /^\d+\.\d+\.\d+$/.test(version)) return { version };
  const last = stderr.trim().split("\n").at(-1) ?? "";
  return { failure: `${failure ?? `status ${code}`}${last === "" ? "" : `: ${last}`}` };
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
