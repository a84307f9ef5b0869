/** The machine's uWSGI, in the foreground, with one of the WSGI applications of test/projects. */
import { existsSync } from "node:fs";
import { Peer } from "./peer.ts";
import { PROJECTS } from "./folder.ts";
import type { Address } from "./wire.ts";

const PLUGINS = "/usr/lib/uwsgi/plugins";

export function uwsgiMissing(): string | undefined {
  if (Bun.which("uwsgi") === null) return "uwsgi is not installed (apt-get install uwsgi-core)";
  if (plugin() !== undefined) return undefined;
  return "uWSGI has no Python plugin (apt-get install uwsgi-plugin-python3)";
}

/** Debian's uWSGI loads Python as a plugin; one from PyPI has it built in, and then needs no name. */
function plugin(): readonly string[] | undefined {
  if (existsSync(`${PLUGINS}/python3_plugin.so`)) return ["--plugin", "python3"];
  return existsSync(PLUGINS) ? undefined : [];
}

export interface UwsgiOptions {
  readonly address: Address;
  /** Default test/projects/wsgi. */
  readonly root?: string;
  /** A module there, such as `probe`. */
  readonly module: string;
  readonly folder: string;
  readonly protocol?: "uwsgi" | "http";
  readonly processes?: number;
  readonly threads?: number;
  /** Further arguments. */
  readonly more?: readonly string[];
}

export function startUwsgi(options: UwsgiOptions): Promise<Peer> {
  return Peer.start(uwsgiArguments(options), options.address, options.folder, "SIGTERM");
}

/** Its command line. */
export function uwsgiArguments(options: UwsgiOptions): string[] {
  const { address, root = `${PROJECTS}/wsgi`, module, protocol = "uwsgi" } = options;
  const { processes = 1, threads = 2 } = options;
  const where = "path" in address ? address.path : `${address.host}:${address.port}`;
  const command = ["uwsgi", ...(plugin() ?? []), `--${protocol}-socket`, where, "--chmod-socket=666"];
  command.push("--master", "--die-on-term", "--enable-threads", "--buffer-size", "32768", "--need-app");
  command.push("--processes", String(processes), "--threads", String(threads));
  command.push("--chdir", root, "--module", `${module}:application`);
  command.push(...(options.more ?? []));
  return command;
}
