/** Configurations for the tests: an app of test/projects/wsgi and a site in front of it. */
import { PROJECTS } from "./folder.ts";

export const WSGI_FOLDER = `${PROJECTS}/wsgi`;

export interface ProbeOptions {
  /** A module of test/projects/wsgi. */
  readonly module?: string;
  readonly processes?: number;
  readonly threads?: number;
  /** Further lines of [app.probe]. */
  readonly app?: string;
  /** Lines of [app.probe.env]. */
  readonly env?: string;
}

/** The `[app.probe]` of a test. */
export function probeApp(options: ProbeOptions = {}): string {
  const { module = "probe", processes = 1, threads = 2, app = "", env } = options;
  return `
[app.probe]
root = ${JSON.stringify(WSGI_FOLDER)}
wsgi = "${module}:application"
processes = ${processes}
threads = ${threads}
${app}
${env === undefined ? "" : `[app.probe.env]\n${env}`}
`;
}

/** A default site on `listen` with these routes. */
export function site(listen: string, routes = '"/" = { app = "probe" }', more = ""): string {
  return `
[[site]]
listen = ["${listen}"]
${more}
[site.routes]
${routes}
`;
}

/** One front: tests that count what happens want no spread over threads. */
export const ONE_FRONT = `
[server]
fronts = 1
`;
