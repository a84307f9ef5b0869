/** What a line of the error log probably means and what mends it, for those that come up again and again. Pure. */

/** A pattern and what to say; `$1` is what its group has found. The first that fits counts. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /No module named '([^']+)'/,
    "$1 is not installed for the interpreter of this app: `python` in its table names the virtualenv that has it",
  ],
  [
    /Invalid HTTP_HOST header: '([^']+)'/,
    "$1 belongs into ALLOWED_HOSTS of the project, or no site should have that name",
  ],
  [/no such table: (\S+)|relation "([^"]+)" does not exist/, "the database has not this table yet: manage.py migrate"],
  [/database is locked/, "SQLite lets one write at a time: a longer timeout in DATABASES, or another database"],
  [
    /unable to open database file|attempt to write a readonly database/,
    "the user that Python runs as must be able to write the database file and its directory",
  ],
  [
    /OperationalError.*(?:Connection refused|could not connect|Can't connect|Is the server running)/,
    "the database does not answer where DATABASES says: is it started, and does it listen there?",
  ],
  [/Error \d+ connecting to (\S+?)\. Connection refused/, "Redis does not answer at $1: is it started?"],
  [
    /ImproperlyConfigured.*SECRET_KEY/,
    "SECRET_KEY comes from the environment: [app.NAME.env], or the environment of the server",
  ],
  [
    /settings are not configured|DJANGO_SETTINGS_MODULE/,
    "wsgi.py should set DJANGO_SETTINGS_MODULE, or [app.NAME.env] does",
  ],
  [
    /DisallowedRedirect|CSRF verification failed|Origin checking failed/,
    "behind HTTPS the project needs CSRF_TRUSTED_ORIGINS",
  ],
  [/Too many open files|EMFILE/, "more descriptors: LimitNOFILE= of the unit, or ulimit -n before the start"],
  [/No space left on device|ENOSPC/, "a disk is full: df -h shows which"],
  [
    /out of memory\)|MemoryError/,
    "less `processes`, or `max_rss` in the table of the app, which replaces a worker that grows",
  ],
  [
    /request_timeout/,
    "the stack behind it shows where Python is; `request_timeout` of the app says how long it may take",
  ],
  [/queue_timeout|queue is full/, "Python is slower than requests come: more `processes` or `threads`"],
  [/ECONNREFUSED|connection refused/i, "nothing listens at that address: is the upstream started?"],
  [/EACCES|[Pp]ermission denied/, "the user that the server runs as needs the right to it: ls -ld shows whose it is"],
  [/EADDRINUSE|address already in use/, "another program listens there: ss -ltnp shows which"],
  [/certificate expired|has expired/, "a newer certificate belongs in its place; it is taken up without a restart"],
];

/** Undefined: none is known. */
export function hintFor(text: string): string | undefined {
  for (const [pattern, hint] of HINTS) {
    const found = pattern.exec(text);
    if (found !== null) return hint.replace("$1", found[1] ?? "");
  }
  return undefined;
}
