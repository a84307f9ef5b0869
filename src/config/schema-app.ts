/** The schema of [app.NAME]. How to read it: schema.ts. */
import { LISTEN } from "./address-kinds.ts";
import { byDefault, durationKey, optional, required, type Schema } from "./keys.ts";
import { duration, integer, listOf, namedOf, nonEmpty, string } from "./kinds.ts";

const SECOND = 1000;
const DAY = 86_400 * SECOND;

const THREADS = 2;
const QUEUE_TIMEOUT_MS = 30 * SECOND;
const QUEUE_MAX = 1024;
const START_TIMEOUT_MS = 60 * SECOND;

/** A timeout of zero would be none at all or one that always fires; both are mistakes. */
const timeout = duration(10, DAY);

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

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
  processes: optional(
    integer(1, 1024),
    "one for each core",
    "Python processes, each with its own copy of the project. uWSGI: processes, 1; gunicorn advises 2 × cores + 1.",
  ),
  threads: byDefault(
    integer(1, 256),
    THREADS,
    "Threads of each process: one more request while another waits for the database. uWSGI: threads, 1.",
  ),
  env: byDefault(
    namedOf(string('a string: write numbers in quotes ("1")'), "a table of strings", (name) =>
      ENVIRONMENT_NAME.test(name) ? undefined : "should be a name of letters, digits and _ that begins with no digit",
    ),
    [],
    "Environment variables of the Python processes, beside those of the server itself. uWSGI: env.",
    "none",
  ),
  uwsgi_socket: optional(
    listOf(LISTEN),
    "none",
    "Where a gateway such as nginx may reach this app by the uwsgi protocol. Whoever connects there is trusted, so it " +
      'is a unix socket or a private address. A table `{ address = "unix:/run/app.sock", mode = "660" }` sets the ' +
      "permissions. uWSGI: socket, chmod-socket.",
  ),
  queue_timeout: durationKey(
    timeout,
    QUEUE_TIMEOUT_MS,
    "How long a request may wait for an idle Python thread before it is answered 503. uWSGI and gunicorn: no bound.",
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
} satisfies Schema;
