/**
 * Options of uWSGI that no key stands for: what becomes of each, and why. A name that ends in `*` is the beginning of
 * several. What is in no row has a meaning there that is not carried over.
 */

export interface Remark {
  readonly verdict: "not-needed" | "default-here" | "harmless" | "changes-meaning";
  readonly sentence: string;
}

type Row = readonly [verdict: Remark["verdict"], names: string, sentence: string];

const ROWS: readonly Row[] = [
  ["not-needed", "master no-orphans master-as-root", "there always is a master, and no worker outlives it"],
  ["not-needed", "gevent-*", "there are no greenlets, so nothing is patched"],
  ["not-needed", "vacuum", "sockets are removed when the server ends"],
  ["not-needed", "enable-threads no-threads-wait", "threads of the project's own always run"],
  ["not-needed", "need-app", "an app that cannot be imported is an error, and the server does not start"],
  ["not-needed", "strict", "unknown keys are always errors"],
  ["not-needed", "single-interpreter", "each process has one interpreter"],
  ["not-needed", "thunder-lock", "the kernel hands each request to one idle thread"],
  [
    "not-needed",
    "die-on-term exit-on-reload",
    "TERM ends the server: first the requests in flight, then the processes",
  ],
  [
    "not-needed",
    "no-defer-accept so-keepalive tcp-nodelay reuse-port freebind tcp-fast*",
    "sockets are set up as they should be",
  ],
  [
    "not-needed",
    "ignore-sigpipe ignore-write-errors disable-write-exception write-errors-*",
    "a client that leaves is no error here",
  ],
  ["not-needed", "procname* auto-procname", "ps shows the app and the number of each worker"],
  ["not-needed", "memory-report", "`server status` shows the memory of each worker"],
  [
    "not-needed",
    "offload-thread* threaded-logger http-processes http-workers http-events",
    "files and replies are sent by the front threads",
  ],
  ["not-needed", "plugins-dir plugin-dir autoload", "there are no plugins"],
  [
    "not-needed",
    "py-call-osafterfork py-call-uwsgi-fork-hooks py-executable py-sys-executable py-programname py-program-name reload-os-env wsgi-env-behavio*",
    "the worker is the project's own interpreter",
  ],
  ["not-needed", "py-tracebacker", "the stack of a request that takes too long is in the log"],
  [
    "not-needed",
    "min-worker-lifetime forkbomb-delay check-interval",
    "processes that end too often are started after growing pauses",
  ],
  ["not-needed", "http-to http-use-socket", "there is no router between the sockets and the workers"],
  ["not-needed", "master-fifo", "`server status`, `server reload` and signals do what is written to it"],
  ["not-needed", "pidfile pidfile2 safe-pidfile safe-pidfile2", "one pid file is enough"],
  [
    "not-needed",
    "show-config print iprint get dump-options version plugins-list",
    "`server check` shows what would be served",
  ],
  [
    "not-needed",
    "static-safe static-cache-paths static-cache-paths-name mimefile mime-file disable-sendfile check-static-docroot",
    "types are known, and open files are kept",
  ],
  [
    "not-needed",
    "http-quiet http-cheap http-harakiri http-stats* http-ss http-gracetime",
    "there is no router process",
  ],
  [
    "not-needed",
    "master-queue signal-bufsize signals-bufsize max-apps rpc-max log-master-bufsize backtrace-depth",
    "it is a size inside uWSGI",
  ],
  ["not-needed", "if-reload if-not-reload ifreload", "a start is a start"],
  ["default-here", "listen", "requests wait in a queue that is bounded (queue_size), connections in the kernel"],
  [
    "default-here",
    "buffer-size max-vars http-buffer-size response-headers-limit",
    "the head of a request may have 64 KiB",
  ],
  [
    "default-here",
    "post-buffering post-buffering-bufsize body-read-warning upload-progress",
    "a body is complete before a worker is asked, in memory or in a file",
  ],
  [
    "default-here",
    "max-requests-delta max-worker-lifetime-delta",
    "up to a tenth is added, so that not all are replaced at once",
  ],
  [
    "default-here",
    "harakiri-verbose harakiri-graceful-timeout harakiri-no-arh no-harakiri-arh",
    "the stack of a request that takes too long is in the log",
  ],
  [
    "default-here",
    "cheaper-algo cheaper-initial cheaper-step cheaper-overload cheaper-busyness-* cheaper-algo-list",
    "another process starts when requests wait, and ends when it has been idle",
  ],
  [
    "default-here",
    "http-timeout http-headers-timeout http-connect-timeout socket-timeout http-socket-timeout so-send-timeout socket-send-timeout so-write-timeout socket-write-timeout",
    "a client may be silent for a minute (body_timeout, send_timeout); the app has request_timeout",
  ],
  [
    "default-here",
    "http-keepalive http-auto-chunked http-chunked-input http-raw-body http-manage-expect http-websockets add-header-connection",
    "HTTP/1.1 is spoken in full",
  ],
  ["default-here", "http-auto-gzip static-gzip*", "files are compressed, and `.gz` siblings are sent"],
  ["default-here", "honour-range", "ranges are served"],
  [
    "default-here",
    "log-x-forwarded-for logdate log-date log-prefix logformat-strftime log-format-strftime log-micros log-zero log-big log-sendfile log-ioerror",
    "every line has its time",
  ],
  [
    "default-here",
    "log-master log-master-stream log-master-req-stream log-reopen log-truncate logfile-chmod logfile-chown log-backupname touch-logreopen touch-logrotate",
    "logs are the master's, and rotated",
  ],
  ["default-here", "reload-on-exception*", "an exception is answered 500, and the worker goes on"],
  [
    "default-here",
    "ignore-script-name wsgi-strict wsgi-accept-buffer* start_response-nodelay wsgi-disable-file-wrapper",
    "PEP 3333 is kept to the letter",
  ],
  [
    "default-here",
    "cache cache2 cache-*",
    "uwsgi.cache_* of the worker's module uwsgi keeps what it is given, in the memory of the server",
  ],
  ["default-here", "locks lock-engine", "uwsgi.lock works without it"],
  [
    "harmless",
    "stats stats-server stats-http stats-minified stats-min stats-push* stats-no-*",
    "`server status --json` shows it; programs that read uWSGI's JSON from this address get none",
  ],
  [
    "harmless",
    "http-modifier1 http-modifier2 http-socket-modifier1 http-socket-modifier2 allowed-modifiers",
    "requests go to the app, whatever their modifier",
  ],
  ["harmless", "cpu-affinity prio ksm never-swap", "is the kernel's or systemd's to do: CPUAffinity=, Nice="],
  [
    "harmless",
    "reload-on-as evil-reload-on-as",
    "is not looked at; max_rss and kill_rss are what the memory really is",
  ],
  [
    "harmless",
    "cheaper-rss-limit-soft cheaper-rss-limit-hard",
    "is not looked at; max_rss and kill_rss bound each process",
  ],
  ["harmless", "add-gid no-initgroups cap", "the processes have the groups of their user, and no capabilities"],
  ["harmless", "die-on-idle", "the server goes on; systemd can stop it"],
  [
    "harmless",
    "carbon* snmp* metric* enable-metrics alarm* statsd* log-alarm",
    "is not sent anywhere; `server status --json` has the numbers",
  ],
  ["harmless", "pyargv", "sys.argv is the worker's"],
  ["harmless", "unenv", "a variable of the server's own environment stays; start it without"],
  ["harmless", "catch-exceptions", "a traceback is for the log; Django shows it with DEBUG"],
  [
    "harmless",
    "subscribe* subscription* fastrouter* rawrouter* sslrouter*",
    "there is no router to announce to; name the address in the gateway",
  ],
  [
    "harmless",
    "log-encoder log-req-encoder log-filter log-drain log-route log-req-route",
    "lines are written as they are",
  ],
  [
    "harmless",
    "harakiri-queue-threshold harakiri-graceful-signal harakiri-graceful-status",
    "a request that takes too long always ends",
  ],
  ["harmless", "pcre-jit propagate-touch shutdown-sockets close-on-exec*", "is a matter of uWSGI's own workings"],
  [
    "changes-meaning",
    "mule mules farm mule-* touch-mules-reload",
    "there are no mules; make the function a command and name it in a [service.NAME]",
  ],
  [
    "changes-meaning",
    "spooler spooler-* spoolers touch-spoolers-reload",
    "there is no spooler; use a task queue such as Celery, named in a [service.NAME]",
  ],
  [
    "changes-meaning",
    "emperor* vassals-* vassal-* imperial-*",
    "there is no Emperor; import the files of all vassals into one server.toml",
  ],
  [
    "changes-meaning",
    "import shared-import pyimport py-import python-import shared-py* spooler-import",
    "nothing is imported beside the app; import it in the module of wsgi",
  ],
  [
    "changes-meaning",
    "hook-* exec-* call-* after-request-*",
    'no hooks are run; a command at the start is a [service.NAME] with start = "before", or systemd\'s ExecStartPre=',
  ],
  [
    "changes-meaning",
    "route* final-route* error-route* response-route*",
    "is no route here; write it in [site.routes], or leave it to nginx",
  ],
  [
    "changes-meaning",
    "vhost vhost-host virtualhost",
    "apps are not chosen by host; make a [[site]] with names for each",
  ],
  [
    "changes-meaning",
    "paste pecan ini-paste ini-paste-logged eval web3 pump wsgi-lite python-raw pyrun python-worker-override",
    "is no WSGI file or module; write a file with `application = …` in it and name that in wsgi",
  ],
  [
    "changes-meaning",
    "chroot pivot-root pivot_root unshare* setns* namespace* ns-* cgroup* jail* mount-* umount-*",
    "is systemd's to do: RootDirectory=, PrivateTmp=, MemoryMax=…",
  ],
  ["changes-meaning", "envdir early-envdir", "is not read; put the variables into env of the app"],
  ["changes-meaning", "chdir2", "the app works in root"],
  [
    "changes-meaning",
    "https2 https-export-cert https-session-context",
    "is not carried over; name the address in listen, and the certificate in tls of a [[site]]",
  ],
  [
    "changes-meaning",
    "loop ugreen tornado asyncio greenlet",
    "there are processes and threads; set processes and threads",
  ],
  ["changes-meaning", "queue queue-* sharedarea py-sharedarea", "uwsgi.queue_* and uwsgi.sharedarea_* are not there"],
  ["changes-meaning", "timer rbtimer signal-timer cron-harakiri", 'is a [cron.NAME] with schedule = "@every 30s"'],
  ["changes-meaning", "wait-for-*", "nothing is waited for; order the units by systemd's After="],
];

const EXACT = new Map<string, Remark>();
const BEGINNINGS: (readonly [string, Remark])[] = [];
for (const [verdict, names, sentence] of ROWS) {
  for (const name of names.split(" ")) {
    if (name.endsWith("*")) BEGINNINGS.push([name.slice(0, -1), { verdict, sentence }]);
    else EXACT.set(name, { verdict, sentence });
  }
}

export function remarkOn(name: string): Remark | undefined {
  return EXACT.get(name) ?? BEGINNINGS.find(([beginning]) => name.startsWith(beginning))?.[1];
}
