/**
 * What serves a project today: files of nginx, uWSGI, gunicorn's units and supervisor that mention it. Those that
 * `server import` reads are told apart from those that only show what is running.
 */
import { basename, join, resolve } from "node:path";
import type { Files } from "../machine/surroundings.ts";

export interface ExistingFile {
  readonly path: string;
  readonly kind: "nginx" | "uwsgi" | "unit";
  /** What it starts: of a unit. */
  readonly program: string | undefined;
  /** How many processes and threads in each it starts, where its command says so. */
  readonly processes?: number;
  readonly threads?: number;
}

/** Where distributions and panels have them. */
const FOLDERS: readonly (readonly [string, ExistingFile["kind"]])[] = [
  ["/etc/nginx/sites-enabled", "nginx"],
  ["/etc/nginx/conf.d", "nginx"],
  ["/www/server/panel/vhost/nginx", "nginx"],
  ["/etc/uwsgi/apps-enabled", "uwsgi"],
  ["/etc/uwsgi/vassals", "uwsgi"],
  ["/etc/uwsgi.d", "uwsgi"],
  ["/etc/systemd/system", "unit"],
  ["/etc/supervisor/conf.d", "unit"],
];

/** In the project itself. */
const PROJECT_FOLDERS = [".", "deploy", "deployment", "conf", "config", "etc", "ops", "nginx", "uwsgi"];

/** For one that includes its sites from elsewhere. */
const MAIN_FILES: readonly (readonly [string, ExistingFile["kind"]])[] = [["/etc/nginx/nginx.conf", "nginx"]];

export function findExisting(files: Files, root: string): ExistingFile[] {
  const everywhere = [
    ...FOLDERS.flatMap(([folder, kind]) => files.list(folder).map((name) => ({ path: join(folder, name), kind }))),
    ...MAIN_FILES.map(([path, kind]) => ({ path, kind })),
  ];
  const mentioned = everywhere.filter(({ path, kind }) => isOfKind(files, path, kind) && mentions(files, path, root));
  return [...ofProject(files, root, mentioned), ...mentioned].flatMap(({ path, kind }): ExistingFile[] => {
    if (kind !== "unit") return [{ path, kind, program: undefined }];
    const command = commandOf(files.read(path) ?? "");
    const program = programOf(command);
    if (program === undefined) return [];
    const [processes, threads] = [countIn(command, PROCESSES), countIn(command, THREADS)];
    return [{ path, kind, program, ...(processes && { processes }), ...(threads && { threads }) }];
  });
}

interface Found {
  readonly path: string;
  readonly kind: ExistingFile["kind"];
}

/** `mentioned`: those of the machine. A unit that the project keeps is mostly what one of them was copied from. */
function ofProject(files: Files, root: string, mentioned: readonly Found[]): Found[] {
  const isInUse = mentioned.some(({ path, kind }) => kind === "unit" && startsGunicorn(files, path));
  const paths = PROJECT_FOLDERS.flatMap((name) => {
    const folder = resolve(root, name);
    return files.list(folder).map((each) => join(folder, each));
  });
  return [...new Set(paths)].flatMap((path) => {
    const isUnit = !isInUse && path.endsWith(".service") && startsGunicorn(files, path) && mentions(files, path, root);
    const kind = isUnit ? "unit" : kindOf(files, path);
    return kind === undefined ? [] : [{ path, kind }];
  });
}

function kindOf(files: Files, path: string): "nginx" | "uwsgi" | undefined {
  const name = basename(path);
  if (/\.(ini|ya?ml|xml|json)$/.test(name) && isOfKind(files, path, "uwsgi")) return "uwsgi";
  const mayBeNginx = /nginx/.test(path) || /\.(conf|nginx|vhost)$/.test(name);
  return mayBeNginx && isOfKind(files, path, "nginx") ? "nginx" : undefined;
}

/** By what only such a file has. */
const MARKS: Readonly<Record<ExistingFile["kind"], RegExp>> = {
  nginx: /^\s*server\s*\{|^\s*(uwsgi_pass|proxy_pass|server_name)\s/m,
  uwsgi: /^\s*\[uwsgi\]|^uwsgi\s*:|<uwsgi>|"uwsgi"\s*:\s*\{/m,
  unit: /^\s*(ExecStart|command)\s*=/m,
};

function isOfKind(files: Files, path: string, kind: ExistingFile["kind"]): boolean {
  return files.kind(path) === "file" && MARKS[kind].test(files.read(path) ?? "");
}

function startsGunicorn(files: Files, path: string): boolean {
  return programOf(commandOf(files.read(path) ?? "")) === "gunicorn";
}

function mentions(files: Files, path: string, root: string): boolean {
  const text = files.read(path) ?? "";
  // `/srv/mysite2` is not `/srv/mysite`.
  for (let at = text.indexOf(root); at !== -1; at = text.indexOf(root, at + 1)) {
    if (!/[\w.-]/.test(text.charAt(at + root.length))) return true;
  }
  return false;
}

function commandOf(text: string): string {
  return /^\s*(?:ExecStart|command)\s*=\s*((?:.*\\\n)*.*)/m.exec(text)?.[1] ?? "";
}

/** gunicorn, uvicorn, hypercorn and granian; uWSGI, waitress. */
const PROCESSES = /\s(?:-w|--workers|--processes)[\s=]*(\d{1,4})(?!\S)/;
const THREADS = /\s--threads[\s=]+(\d{1,4})(?!\S)/;

function countIn(command: string, option: RegExp): number | undefined {
  return Number(option.exec(command)?.[1] ?? 0) || undefined;
}

/** Units that start the project's web server; a worker of Celery is none. */
function programOf(command: string): string | undefined {
  return /\b(gunicorn|uwsgi|daphne|uvicorn|hypercorn|waitress-serve|granian|runserver)\b/.exec(command)?.[1];
}
