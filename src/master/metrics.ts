/**
 * What the server says of itself in Prometheus' format: the status and what the fronts have counted. The labels are names
 * of the configuration, states and numbers of workers, so nothing that a client sends makes a series. Pure.
 */
import type { AppStatus } from "../apps/status.ts";
import { LATENCY_BOUNDS_MS, type RouteCounts } from "../exchange/route-counts.ts";
import { type Labels, MetricsText } from "./metrics-format.ts";
import type { ServerStatus } from "./status.ts";
import type { TrafficStatus } from "./traffic-status.ts";

export interface Measured {
  readonly status: ServerStatus;
  readonly traffic: TrafficStatus;
  readonly routes: readonly RouteCounts[];
  readonly connections: { readonly idle: number; readonly active: number };
  readonly lostLogLines: number;
  /** Of this process: master and fronts. */
  readonly rssBytes: number;
}

type Samples = (readonly [Labels, number])[];

const BOUNDS_SECONDS = LATENCY_BOUNDS_MS.map((ms) => ms / 1000);

export function metricsText(measured: Measured): string {
  const text = new MetricsText();
  serverMetrics(text, measured);
  routeMetrics(text, measured.routes);
  appMetrics(text, measured.status.apps, measured.routes);
  upstreamMetrics(text, measured.traffic);
  cacheMetrics(text, measured.traffic);
  companionMetrics(text, measured.status);
  return text.toString();
}

function serverMetrics(text: MetricsText, { status, connections, lostLogLines, rssBytes }: Measured): void {
  const { version, uptimeMs, fronts, limits } = status;
  text.family("server_info", "gauge", "Always 1; the version is a label.", [[{ version }, 1]]);
  text.family("server_uptime_seconds", "gauge", "Since the start.", [[{}, uptimeMs / 1000]]);
  text.family("server_resident_memory_bytes", "gauge", "Of the master and the fronts together.", [[{}, rssBytes]]);
  text.family("server_connections", "gauge", "Of clients, by what they do.", [
    [{ state: "idle" }, connections.idle],
    [{ state: "active" }, connections.active],
  ]);
  text.family(
    "server_front_accepting",
    "gauge",
    "1 while a front thread accepts connections.",
    fronts.map(({ number, state }) => [{ front: number }, state === "accepting" ? 1 : 0]),
  );
  text.family(
    "server_front_replaced_total",
    "counter",
    "Front threads that died and were replaced.",
    fronts.map(({ number, replaced }) => [{ front: number }, replaced]),
  );
  const hits = Object.entries(limits).map(([limit, count]): [Labels, number] => [{ limit }, count]);
  text.family("server_limit_hits_total", "counter", "How often a limit was hit.", hits);
  text.family("server_log_lines_lost_total", "counter", "Access log lines that could not be written.", [
    [{}, lostLogLines],
  ]);
}

function routeMetrics(text: MetricsText, routes: readonly RouteCounts[]): void {
  const statuses = routes.flatMap((counts) =>
    counts.statuses.flatMap((count, i): Samples =>
      count === 0 ? [] : [[{ ...of(counts), status: `${i + 1}xx` }, count]],
    ),
  );
  text.family("server_requests_total", "counter", "Requests, by site, route and class of status.", statuses);
  const each = (value: (counts: RouteCounts) => number): Samples => routes.map((counts) => [of(counts), value(counts)]);
  text.family(
    "server_sent_bytes_total",
    "counter",
    "Sent to clients, heads included.",
    each((counts) => counts.bytesSent),
  );
  text.family(
    "server_received_bytes_total",
    "counter",
    "Received from clients, heads included.",
    each((counts) => counts.bytesReceived),
  );
  text.histogram(
    "server_request_duration_seconds",
    "From the first byte of a request to the last of its reply; tunnels are left out.",
    BOUNDS_SECONDS,
    routes.map((counts) => ({ labels: of(counts), counts: counts.latencies, sum: counts.ms / 1000 })),
  );
}

function of({ site, route }: RouteCounts): Labels {
  return { site, route };
}

function appMetrics(text: MetricsText, apps: readonly AppStatus[], routes: readonly RouteCounts[]): void {
  const perApp = (value: (app: AppStatus) => number): Samples => apps.map((app) => [{ app: app.name }, value(app)]);
  const worked = (value: (counts: RouteCounts) => number) =>
    perApp(({ name }) =>
      routes.filter(({ target }) => target === `app:${name}`).reduce((sum, counts) => sum + value(counts), 0),
    );
  text.family(
    "server_app_requests_total",
    "counter",
    "Requests that Python has answered.",
    worked((counts) => counts.worked),
  );
  text.family(
    "server_app_python_seconds_total",
    "counter",
    "Time that requests were with Python; divided by the requests, that of one.",
    worked((counts) => counts.workMs / 1000),
  );
  text.family(
    "server_app_queue_seconds_total",
    "counter",
    "Time that requests waited for a Python thread.",
    worked((counts) => counts.waitMs / 1000),
  );
  text.family(
    "server_app_queue_depth",
    "gauge",
    "Requests that no thread has taken.",
    perApp((app) => app.queue.depth),
  );
  text.family(
    "server_app_queue_oldest_seconds",
    "gauge",
    "How long the oldest of them waits.",
    perApp((app) => app.queue.oldestMs / 1000),
  );
  text.family(
    "server_app_refused_total",
    "counter",
    "Requests answered 503.",
    perApp((app) => app.queue.refused),
  );
  text.family(
    "server_app_generation",
    "gauge",
    "Of the code; one more with each reload.",
    perApp((app) => app.generation),
  );
  text.family(
    "server_app_crash_loop",
    "gauge",
    "1 while starts of workers fail.",
    perApp((app) => (app.crashLoop === undefined ? 0 : 1)),
  );
  workerMetrics(text, apps);
}

function workerMetrics(text: MetricsText, apps: readonly AppStatus[]): void {
  const counted = (
    name: string,
    help: string,
    group: (app: AppStatus) => readonly (readonly [string, number])[],
    label: string,
  ) =>
    text.family(
      name,
      name.endsWith("_total") ? "counter" : "gauge",
      help,
      apps.flatMap((app) =>
        group(app).map(([value, count]): [Labels, number] => [{ app: app.name, [label]: value }, count]),
      ),
    );
  counted(
    "server_app_workers",
    "Worker processes, by state.",
    ({ workers }) => tally(workers.map(({ state }) => state)),
    "state",
  );
  counted("server_app_threads", "Python threads, by what they do.", threadsOf, "state");
  counted(
    "server_app_worker_exits_total",
    "Worker processes that have ended, by cause.",
    ({ exits }) => Object.entries(exits),
    "cause",
  );
  const residents = (app: AppStatus) => {
    const sums = new Map<string, number>();
    for (const { number, rssBytes = 0 } of app.workers)
      sums.set(String(number), (sums.get(String(number)) ?? 0) + rssBytes);
    return [...sums];
  };
  counted(
    "server_app_worker_resident_bytes",
    "Memory of a worker; of two of one number together.",
    residents,
    "worker",
  );
}

function threadsOf({ workers }: AppStatus): [string, number][] {
  const threads = workers.filter(({ state }) => state === "ready").flatMap((worker) => worker.threads);
  const busy = threads.filter(({ runningMs }) => runningMs !== undefined).length;
  return [
    ["busy", busy],
    ["idle", threads.length - busy],
  ];
}

function tally(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts];
}

function upstreamMetrics(text: MetricsText, { upstreams }: TrafficStatus): void {
  const servers = upstreams.flatMap(({ name, servers: all }) =>
    all.map((server) => ({ labels: { upstream: name, server: server.address }, server })),
  );
  type Server = (typeof servers)[number]["server"];
  const each = (value: (server: Server) => number): Samples =>
    servers.map(({ labels, server }) => [labels, value(server)]);
  text.family(
    "server_upstream_requests_total",
    "counter",
    "Requests sent to a server.",
    each((server) => server.requests),
  );
  text.family(
    "server_upstream_failures_total",
    "counter",
    "Of them, those that failed.",
    each((server) => server.failures),
  );
  text.family("server_upstream_connections", "gauge", "Connections to a server, by what they do.", [
    ...servers.map(({ labels, server }): [Labels, number] => [{ ...labels, state: "active" }, server.active]),
    ...servers.map(({ labels, server }): [Labels, number] => [{ ...labels, state: "idle" }, server.idle]),
  ]);
  text.family(
    "server_upstream_ready_fronts",
    "gauge",
    "Fronts that find it ready.",
    each((server) => server.fronts.ready ?? 0),
  );
}

function cacheMetrics(text: MetricsText, { caches }: TrafficStatus): void {
  const results = ["hits", "misses", "bypassed"] as const;
  text.family(
    "server_cache_requests_total",
    "counter",
    "Requests, by what the cache had for them.",
    caches.flatMap((cache) =>
      results.map((result): [Labels, number] => [{ cache: cache.name, result }, cache[result]]),
    ),
  );
  const tiers = (memory: "entries" | "bytes", disk: "diskEntries" | "diskBytes") =>
    caches.flatMap((cache): Samples => [
      [{ cache: cache.name, tier: "memory" }, cache[memory]],
      [{ cache: cache.name, tier: "disk" }, cache[disk]],
    ]);
  text.family("server_cache_entries", "gauge", "Kept replies.", tiers("entries", "diskEntries"));
  text.family("server_cache_bytes", "gauge", "What they hold.", tiers("bytes", "diskBytes"));
}

function companionMetrics(text: MetricsText, { services, crons, certificates }: ServerStatus): void {
  const instances = services.flatMap(({ name, instances: all }) =>
    all.map((instance) => ({ labels: { service: name, instance: instance.number }, instance })),
  );
  text.family(
    "server_service_running",
    "gauge",
    "1 while an instance of a service runs.",
    instances.map(({ labels, instance }) => [labels, instance.state === "running" ? 1 : 0]),
  );
  text.family(
    "server_service_restarts_total",
    "counter",
    "How often it was started again.",
    instances.map(({ labels, instance }) => [labels, instance.restarts]),
  );
  const perCron = (value: (cron: (typeof crons)[number]) => number): Samples =>
    crons.map((cron) => [{ cron: cron.name }, value(cron)]);
  text.family(
    "server_cron_runs_total",
    "counter",
    "Runs of a timed command.",
    perCron(({ runs }) => runs),
  );
  text.family(
    "server_cron_failures_total",
    "counter",
    "Of them, those that failed.",
    perCron(({ failures }) => failures),
  );
  text.family(
    "server_certificate_expiry_timestamp_seconds",
    "gauge",
    "When a certificate ends, Unix time.",
    certificates.map(({ site, notAfter }) => [{ site }, notAfter / 1000]),
  );
  text.family(
    "server_certificate_temporary",
    "gauge",
    "1 while a site shows a certificate that browsers refuse, until an authority has answered.",
    certificates.map(({ site, source }) => [{ site }, source === "temporary" ? 1 : 0]),
  );
  text.family(
    "server_certificate_failed_orders",
    "gauge",
    "Orders of a certificate that failed since the last one that did not.",
    certificates.flatMap(({ site, failures }): Samples => (failures === null ? [] : [[{ site }, failures]])),
  );
}
