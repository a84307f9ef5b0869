/** The schema of an app's processes: how long they may take, as whom and within which bounds they run. How to read it:
 *  schema.ts. */
import { REQUEST_TIMEOUT_MS } from "../apps/request-timeout.ts";
import { anyOf } from "./json-schema.ts";
import { byDefault, durationKey, optional, type Schema, table } from "./keys.ts";
import { boolean, duration, integer, type Kind, listOf, nonEmpty, size, text, Refusal } from "./kinds.ts";

const DAY = 86_400_000;
const TIB = 2 ** 40;
const COUNT_MAX = 2 ** 31 - 1;

/** 0: for ever. */
export const REQUEST_TIMEOUT = duration(0, DAY);

export const UMASK: Kind<number> = text('an octal number in quotes, such as "027"', (written) =>
  /^0?[0-7]{3}$/.test(written) ? parseInt(written, 8) : new Refusal(),
);

/** getrlimit(2): `unlimited` is RLIM_INFINITY, which is -1 in Python. */
export const UNLIMITED = -1;

function orUnlimited(kind: Kind<number>): Kind<number> {
  const expected = `${kind.expected}, or "unlimited"`;
  const read: Kind<number>["read"] = (place) => (place.value === "unlimited" ? UNLIMITED : kind.read(place));
  const json = () => anyOf(kind.json(), { enum: ["unlimited"] });
  return { expected, json, read, ...(kind.bounds && { bounds: kind.bounds }) };
}

const count = orUnlimited(integer(0, COUNT_MAX));
const bytes = orUnlimited(size(0, TIB));
const AS_IT_IS = "as the server has it";

/** setrlimit(2), by the names that `ulimit` and systemd have. */
export const RLIMITS = {
  nofile: optional(count, AS_IT_IS, "Open files, sockets included. uWSGI: max-fd. systemd: LimitNOFILE."),
  nproc: optional(count, AS_IT_IS, "Processes and threads of the user. uWSGI: limit-nproc."),
  as: optional(bytes, AS_IT_IS, "Address space, of each process: beyond it memory is refused. uWSGI: limit-as."),
  data: optional(bytes, AS_IT_IS, "Heap, of each process. systemd: LimitDATA."),
  stack: optional(bytes, AS_IT_IS, "Stack of a thread. systemd: LimitSTACK."),
  fsize: optional(bytes, AS_IT_IS, "Largest file that may be written. systemd: LimitFSIZE."),
  memlock: optional(bytes, AS_IT_IS, "Memory that may be locked. systemd: LimitMEMLOCK."),
  core: optional(bytes, AS_IT_IS, "Core files; 0 for none. systemd: LimitCORE."),
} satisfies Schema;

export const APP_PROCESS = {
  request_timeout: durationKey(
    REQUEST_TIMEOUT,
    REQUEST_TIMEOUT_MS,
    "How long a Python thread may take for a request, its reply included. Then the client gets 504, the log the stack of " +
      "the thread, and a worker whose thread does not come back is replaced. 0: for ever. nginx: uwsgi_read_timeout, 60 s. uWSGI: harakiri.",
  ),
  preload: byDefault(
    boolean,
    false,
    "Imports the project once, in a process from which the workers are forked: they share its memory and start at once. " +
      "Django's connections are closed before; other things that a fork does not survive, such as threads, are named in " +
      "the log. uWSGI: lazy-apps, the other way round.",
  ),
  user: optional(
    nonEmpty("the name or number of a user"),
    "who runs the server",
    "As whom the Python processes run, with that user's groups. Only for a server that is started as root. uWSGI: uid.",
  ),
  group: optional(
    nonEmpty("the name or number of a group"),
    "that of `user`",
    "The group of the Python processes. uWSGI: gid.",
  ),
  umask: optional(UMASK, "that of the server", 'For files that the app makes: `"027"` keeps others out. uWSGI: umask.'),
  pythonpath: byDefault(
    listOf(nonEmpty("a directory")),
    [],
    "Directories on sys.path, behind `root`. uWSGI: pythonpath.",
    "none",
  ),
  limits: optional(
    table(RLIMITS, 'a table such as { nofile = 65536, as = "2GiB" }'),
    "as the server has them",
    "Bounds that the kernel sets to each Python process (setrlimit). uWSGI: limit-as, limit-nproc, max-fd.",
  ),
} satisfies Schema;
