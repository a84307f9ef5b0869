/** The schema of [app.NAME]. How to read it: schema.ts. */
import { LISTEN } from "./address-kinds.ts";
import { byDefault, durationKey, optional, required, type Schema } from "./keys.ts";
import { boolean, duration, integer, listOf, namedOf, nonEmpty, string } from "./kinds.ts";
import { APP_POOL } from "./schema-app-pool.ts";
import { APP_PROCESS } from "./schema-app-process.ts";

const SECOND = 1000;
const DAY = 86_400 * SECOND;

const THREADS = 2;
const QUEUE_TIMEOUT_MS = 30 * SECOND;
const QUEUE_MAX = 1024;
const START_TIMEOUT_MS = 60 * SECOND;

/** A timeout of zero would be none at all or one that always fires; both are mistakes. */
const timeout = duration(10, DAY);

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function refuseVariableName(name: string): string | undefined {
  return ENVIRONMENT_NAME.test(name)
    ? undefined
    : "should be a name of letters, digits and _ that begins with no digit";
}

export const APP = {
  root: byDefault(
    nonEmpty("a directory"),
    ".",
    "Working directory, and first on sys.path: where manage.py stands. uWSGI: chdir.",
    "the directory of this file",
  ),
  wsgi: required(
    nonEmpty('"module:callable" or "path/file.py"'),
    'The WSGI application: `"module"`, `"module:callable"`, `"path/file.py"` or `"path/file.py:callable"`, found below ' +
      "`root`. The callable is `application` unless named. uWSGI: module, wsgi-file.",
  ),
  python: optional(
    nonEmpty("a virtualenv, an interpreter, or the name of one on PATH"),
    "`.venv`, `venv` or `env` in `root` or beside it, else `python3` on PATH",
    "The interpreter: the directory of a virtualenv, an executable, or a name that is looked for on PATH. uWSGI: home.",
  ),
  ...APP_POOL,
  threads: byDefault(
    integer(1, 256),
    THREADS,
    "Threads of each process: one more request while another waits for the database. uWSGI: threads, 1.",
  ),
  env: byDefault(
    namedOf(string('a string: write numbers in quotes ("1")'), "a table of strings", refuseVariableName),
    [],
    "Environment variables of the Python processes, beside those of the server itself. uWSGI: env.",
    "none",
  ),
  uwsgi_socket: optional(
    listOf(LISTEN),
    "none",
    "Where a gateway such as nginx may reach this app by the uwsgi protocol. Whoever connects there is trusted, so it " +
      'is a unix socket or a private address. A table `{ address = "unix:/run/app.sock", mode = "660" }` sets the ' +
      "permissions. Timeouts, minimum rates and spools of [server] hold here too; size of the head (64 KiB, the packet's), " +
      "of the body and numbers by address do not, which are the gateway's to bound. uWSGI: socket, chmod-socket.",
  ),
  queue_timeout: durationKey(
    timeout,
    QUEUE_TIMEOUT_MS,
    "How long a request may wait for an idle Python thread before it is answered 503. uWSGI and gunicorn have no bound.",
  ),
  queue_size: byDefault(
    integer(1, 1_000_000),
    QUEUE_MAX,
    "Requests that wait, in each front thread; further ones are answered 503. uWSGI: listen, 100.",
  ),
  start_timeout: durationKey(
    timeout,
    START_TIMEOUT_MS,
    "How long the first import may take before the start fails. gunicorn: timeout, 30 s.",
  ),
  reload_on_change: byDefault(
    boolean,
    false,
    "For development: imports the code anew when a source file or template below `root`, `pythonpath`, PYTHONPATH or an editable install changes. If that fails, " +
      "the old code goes on and the traceback is logged; a first import that fails waits for the next change. uWSGI: py-autoreload.",
  ),
  static_finders: byDefault(
    boolean,
    false,
    "For development with Django: what is below STATIC_URL is answered by the project's finders, as Django's runserver does, so " +
      "that nothing has to be collected. Slower than `files`, and only for files that anyone may see.",
  ),
  touch_reload: byDefault(
    listOf(nonEmpty("a file")),
    [],
    "Imports the code anew when this file is touched, made or removed. uWSGI: touch-reload.",
    "none",
  ),
  ...APP_PROCESS,
  sendfile_roots: optional(
    listOf(nonEmpty("a directory")),
    "none: such a reply is answered 500",
    "The app may name files below these directories in an X-Sendfile field, and the server sends them. X-Accel-Redirect needs no " +
      "such permission, since it leads to routes of the site. Apache: XSendFilePath.",
  ),
} satisfies Schema;
