/**
 * Options of uWSGI that no key stands for: what becomes of each, and why. A name that ends in `*` is the beginning of
 * several. What is in no row has a meaning there that is not carried over.
 */

export interface Remark {
  readonly verdict: "not-needed" | "default-here" | "harmless" | "changes-meaning";
  readonly sentence: string;
}

/** Names, and what is said of each of them. */
type Rows = readonly (readonly [names: string, sentence: string])[];

const OWN_INTERPRETER = "the worker is the project's own interpreter";
const STACK_IN_LOG = "the stack of a request that takes too long is in the log";

const NOT_NEEDED: Rows = [
  ["master no-orphans master-as-root", "there always is a master, and no worker outlives it"],
  ["gevent-*", "there are no greenlets, so nothing is patched"],
  ["vacuum", "sockets are removed when the server ends"],
  ["enable-threads no-threads-wait", "threads of the project's own always run"],
  ["need-app", "an app that cannot be imported is an error, and the server does not start"],
  ["strict", "unknown keys are always errors"],
  ["single-interpreter", "each process has one interpreter"],
  ["thunder-lock", "the kernel hands each request to one idle thread"],
  ["die-on-term exit-on-reload", "TERM ends the server: first the requests in flight, then the processes"],
  ["no-defer-accept so-keepalive tcp-nodelay reuse-port freebind tcp-fast*", "sockets are set up as they should be"],
  [
    "ignore-sigpipe ignore-write-errors disable-write-exception write-errors-*",
    "a client that leaves is no error here",
  ],
  ["procname* auto-procname", "ps shows the app and the number of each worker"],
  ["memory-report", "`server status` shows the memory of each worker"],
  ["offload-thread* threaded-logger disable-sendfile", "files and replies are sent by the front threads"],
  ["http-processes http-workers http-events", "files and replies are sent by the front threads"],
  ["plugins-dir plugin-dir autoload", "there are no plugins"],
  ["py-call-osafterfork py-call-uwsgi-fork-hooks reload-os-env wsgi-env-behavio*", OWN_INTERPRETER],
  ["py-executable py-sys-executable py-programname py-program-name", OWN_INTERPRETER],
  ["py-tracebacker", STACK_IN_LOG],
  [
    "min-worker-lifetime forkbomb-delay check-interval",
    "processes that end too often are started after growing pauses",
  ],
  ["http-to http-use-socket", "there is no router between the sockets and the workers"],
  ["master-fifo", "`server status`, `server reload` and signals do what is written to it"],
  ["pidfile pidfile2 safe-pidfile safe-pidfile2", "one pid file is enough"],
  ["show-config print iprint get dump-options version plugins-list", "`server check` shows what would be served"],
  ["static-cache-paths static-cache-paths-name", "open files are kept"],
  ["http-quiet http-cheap http-harakiri http-stats* http-ss http-gracetime", "there is no router process"],
  ["master-queue signal-bufsize signals-bufsize max-apps rpc-max log-master-bufsize", "it is a size inside uWSGI"],
  ["backtrace-depth", "it is a size inside uWSGI"],
  ["if-reload if-not-reload ifreload", "a start is a start"],
];

const SILENCE = "a client may be silent for a minute (body_timeout, send_timeout); the app has request_timeout";
const CHEAPER = "another process starts when requests wait, and ends when it has been idle";
const MASTERS_LOGS = "logs are the master's, and rotated";

const DEFAULT_HERE: Rows = [
  ["listen", "requests wait in a queue that is bounded (queue_size), connections in the kernel"],
  ["buffer-size max-vars http-buffer-size response-headers-limit", "the head of a request may have 64 KiB"],
  [
    "post-buffering post-buffering-bufsize body-read-warning upload-progress",
    "a body is complete before a worker is asked, in memory or in a file",
  ],
  ["max-requests-delta max-worker-lifetime-delta", "up to a tenth is added, so that not all are replaced at once"],
  ["harakiri-verbose harakiri-graceful-timeout harakiri-no-arh no-harakiri-arh", STACK_IN_LOG],
  ["cheaper-algo cheaper-initial cheaper-step cheaper-overload cheaper-busyness-* cheaper-algo-list", CHEAPER],
  ["http-timeout http-headers-timeout http-connect-timeout socket-timeout http-socket-timeout", SILENCE],
  ["so-send-timeout socket-send-timeout so-write-timeout socket-write-timeout", SILENCE],
  ["http-keepalive http-auto-chunked http-chunked-input http-raw-body", "HTTP/1.1 is spoken in full"],
  ["http-manage-expect add-header-connection", "HTTP/1.1 is spoken in full"],
  ["http-auto-gzip static-gzip*", "files are compressed, and `.gz` siblings are sent"],
  ["honour-range", "ranges are served"],
  ["log-x-forwarded-for", "lines show the client that a trusted proxy names"],
  ["logdate log-date log-prefix logformat-strftime log-format-strftime", "every line has its time"],
  ["log-micros log-zero log-big log-sendfile log-ioerror", "every request has its line"],
  ["log-master log-master-stream log-master-req-stream log-reopen log-truncate log-backupname", MASTERS_LOGS],
  ["logfile-chmod logfile-chown touch-logreopen touch-logrotate", MASTERS_LOGS],
  ["reload-on-exception*", "an exception is answered 500, and the worker goes on"],
  ["ignore-script-name wsgi-strict wsgi-accept-buffer* start_response-nodelay", "PEP 3333 is kept to the letter"],
  ["wsgi-disable-file-wrapper", "PEP 3333 is kept to the letter"],
  [
    "cache cache2 cache-*",
    "uwsgi.cache_* of the worker's module uwsgi keeps what it is given, in the memory of the server",
  ],
  ["locks lock-engine", "uwsgi.lock works without it"],
];

const HARMLESS: Rows = [
  [
    "stats stats-server stats-http stats-minified stats-min stats-push* stats-no-*",
    "`server status --json` and [metrics] show it; programs that read uWSGI's JSON from this address get none",
  ],
  [
    "http-modifier1 http-modifier2 http-socket-modifier1 http-socket-modifier2 allowed-modifiers",
    "requests go to the app, whatever their modifier",
  ],
  [
    "http-websockets",
    "an app cannot take over a connection (uwsgi.websocket_*); run an ASGI server for it, as an upstream",
  ],
  ["cpu-affinity prio never-swap", "is the kernel's or systemd's to do: CPUAffinity=, Nice="],
  ["ksm", "is the kernel's or systemd's to do: MemoryKSM="],
  ["reload-on-as evil-reload-on-as", "is not looked at; max_rss and kill_rss are what the memory really is"],
  ["cheaper-rss-limit-soft cheaper-rss-limit-hard", "is not looked at; max_rss and kill_rss bound each process"],
  ["add-gid no-initgroups cap", "the processes have the groups of their user, and no capabilities"],
  ["die-on-idle", "the server goes on; systemd can stop it"],
  [
    "carbon* snmp* metric* enable-metrics alarm* statsd* log-alarm",
    "is not sent anywhere; `server status --json` and [metrics] have the numbers",
  ],
  ["pyargv", "sys.argv is the worker's"],
  ["unenv", "a variable of the server's own environment stays; start it without"],
  ["catch-exceptions", "a traceback is for the log; Django shows it with DEBUG"],
  [
    "subscribe* subscription* fastrouter* rawrouter* sslrouter*",
    "there is no router to announce to; name the address in the gateway",
  ],
  ["log-encoder log-req-encoder log-filter log-drain log-route log-req-route", "lines are written as they are"],
  [
    "harakiri-queue-threshold harakiri-graceful-signal harakiri-graceful-status",
    "a request that takes too long always ends",
  ],
  ["mimefile mime-file", "is not read; types that are not known are written into `types` of the site"],
  ["pcre-jit propagate-touch shutdown-sockets close-on-exec*", "is a matter of uWSGI's own workings"],
];

const CHANGES_MEANING: Rows = [
  ["mule mules farm", "there are no mules; make the function a command and name it in a [service.NAME]"],
  ["spooler spooler-import", "there is no spooler; use a task queue such as Celery, named in a [service.NAME]"],
  ["emperor vassals-* vassal-*", "there is no Emperor; import the files of all vassals into one server.toml"],
  [
    "import shared-import pyimport py-import python-import shared-py*",
    "nothing is imported beside the app; import it in the module of wsgi",
  ],
  [
    "hook-* exec-* call-* after-request-*",
    'is not run; a command is a [service.NAME], and with start = "first" it is done before the app starts',
  ],
  [
    "route* final-route* error-route* response-route* collect-header",
    "is no route here; write it in [site.routes] or in `rules` of the [[site]], or leave it to nginx",
  ],
  ["vhost vhost-host virtualhost", "apps are not chosen by host; make a [[site]] with names for each"],
  [
    "paste pecan ini-paste ini-paste-logged eval web3 pump wsgi-lite python-raw pyrun python-worker-override",
    "is no WSGI file or module; write a file with `application = …` in it and name that in wsgi",
  ],
  [
    "chroot pivot-root pivot_root unshare* setns* namespace* ns-* cgroup* jail* mount-* umount-*",
    "is systemd's to do: RootDirectory=, PrivateTmp=, MemoryMax=…",
  ],
  ["envdir early-envdir", "is not read; put the variables into env of the app"],
  ["chdir2", "the app works in root"],
  ["static-safe", 'links lead nowhere outside of the folder; write symlinks = "follow" into the route'],
  ["check-static-docroot", "what the gateway calls its folder is not believed; have the gateway serve the files"],
  [
    "https2 https-export-cert https-session-context",
    "is not carried over; name the address in listen, and the certificate in tls of a [[site]]",
  ],
  ["loop ugreen tornado asyncio greenlet", "there are processes and threads; set processes and threads"],
  [
    "queue queue-* sharedarea py-sharedarea",
    "uwsgi.queue_* and uwsgi.sharedarea_* are not there; use a database or Redis",
  ],
  ["timer rbtimer signal-timer cron-harakiri", 'is a [cron.NAME] with schedule = "@every 30s"'],
  ["wait-for-*", "nothing is waited for; order the units by systemd's After="],
];

/** Options that only tune others, which were told of. */
const WITHOUT_EFFECT: Rows = [
  ["mule-* touch-mules-reload", "there are no mules"],
  ["spooler-* spoolers touch-spoolers-reload", "there is no spooler"],
  ["emperor-* imperial-*", "there is no Emperor"],
  ["paste-logger paste-name", "there is no Paste"],
];

const ALL: Readonly<Record<Remark["verdict"], Rows>> = {
  "not-needed": [...NOT_NEEDED, ...WITHOUT_EFFECT],
  "default-here": DEFAULT_HERE,
  harmless: HARMLESS,
  "changes-meaning": CHANGES_MEANING,
};

const EXACT = new Map<string, Remark>();
const BEGINNINGS: (readonly [string, Remark])[] = [];
for (const [verdict, rows] of Object.entries(ALL) as [Remark["verdict"], Rows][]) {
  for (const [names, sentence] of rows) {
    for (const name of names.split(" ")) {
      if (name.endsWith("*")) BEGINNINGS.push([name.slice(0, -1), { verdict, sentence }]);
      else EXACT.set(name, { verdict, sentence });
    }
  }
}

export function remarkOn(name: string): Remark | undefined {
  return EXACT.get(name) ?? BEGINNINGS.find(([beginning]) => name.startsWith(beginning))?.[1];
}
