/** Directives of main, events and http, and those of servers that hold for the whole server here → [server]. */
import { formatDuration, formatSize } from "../../base/units.ts";
import { DEFAULT_TYPE } from "../../files/mime.ts";
import type { ServerKey, Value } from "../plan.ts";
import type { Block } from "./block.ts";
import type { Directive } from "./parser.ts";
import { realAddresses } from "./real-ip.ts";
import { countOf, pathOf, type Translation } from "./translation.ts";
import { sizeOf, timeOf, timeText } from "./values.ts";

/** server.toml's default; below it a smaller number of nginx's is no wish of anybody. */
const CONNECTIONS = 16_384;
const HEADER_BYTES = 64 * 1024;

interface Row {
  readonly key: ServerKey;
  readonly read: (words: readonly string[]) => Value | undefined;
  /** What both have without being told. */
  readonly usual?: Value;
}

const time = ([text = ""]: readonly string[]) => timeText(text);
const count = ([text = ""]: readonly string[]) => (/^\d+$/.test(text) ? Number(text) : undefined);

const ROWS: Readonly<Record<string, Row>> = {
  client_header_timeout: { key: "header_timeout", read: time },
  client_body_timeout: { key: "body_timeout", read: time, usual: "1m" },
  send_timeout: { key: "send_timeout", read: time, usual: "1m" },
  keepalive_requests: { key: "keepalive_requests", read: count },
  keepalive_time: { key: "keepalive_max_age", read: time, usual: "1h" },
  merge_slashes: { key: "merge_slashes", read: ([text]) => text !== "off", usual: true },
  default_type: { key: "default_type", read: ([text]) => text, usual: DEFAULT_TYPE },
  client_body_temp_path: { key: "temporary_directory", read: () => undefined },
  worker_shutdown_timeout: { key: "drain_timeout", read: time },
};

export function serverSettings(t: Translation, servers: readonly Block[]): void {
  user(t);
  pidFile(t);
  workers(t);
  connections(t);
  for (const [name, row] of Object.entries(ROWS)) wholeServer(t, name, row, servers);
  keepalive(t, servers);
  headerSizes(t, servers);
  connectionLimit(t, servers);
  openFiles(t);
  realAddresses(t, t.http, t.plan.server);
}

/** The word of http, else of the first server: it is one for all here. */
function oneFor(
  t: Translation,
  name: string,
  servers: readonly Block[],
): { one: Directive | undefined; others: Directive[] } {
  const outer = [...t.main.own(name), ...t.http.own(name)].at(-1);
  const inner = servers.flatMap((server) => server.own(name));
  const one = outer ?? inner[0];
  return { one, others: inner.filter((each) => each !== one) };
}

function wholeServer(t: Translation, name: string, { key, read, usual }: Row, servers: readonly Block[]): void {
  const { one, others } = oneFor(t, name, servers);
  if (one === undefined) return;
  const words = (directive: Directive) => directive.args.map(({ text }) => text);
  const value = read(words(one));
  if (value === undefined) return;
  if (value === usual) t.ledger.defaultHere(one, `${key} is ${JSON.stringify(usual)} here`);
  else {
    t.plan.server.set(key, value, one.origin);
    t.ledger.translated(one, `${key} = ${JSON.stringify(value)}`);
  }
  for (const other of others) {
    if (JSON.stringify(read(words(other))) === JSON.stringify(value))
      t.ledger.translated(other, `${key}, one for the whole server`);
    else t.ledger.dropped(other, `${key} is one for the whole server: ${JSON.stringify(value)}`);
  }
}

/** `user www-data;`, `user nobody nogroup;` */
function user(t: Translation): void {
  const directive = t.main.own("user").at(-1);
  const [name, group] = (directive?.args ?? []).map(({ text }) => text);
  if (directive === undefined || name === undefined) return;
  if (name === "root") {
    t.plan.server.set("run_as_root", true, directive.origin);
    return t.ledger.translated(directive, "run_as_root");
  }
  t.plan.server.set("user", name, directive.origin);
  if (group !== undefined) t.plan.server.set("group", group, directive.origin);
  t.ledger.translated(directive, "user of [server], Python's processes included");
}

/** Where packages put it: nginx's own service reads that, and may still be there. */
const PACKAGED_PID = /^(?:(?:\/var)?\/run\/nginx\.pid|logs\/nginx\.pid)$/;

function pidFile(t: Translation): void {
  const directive = t.main.own("pid").at(-1);
  const path = directive?.args[0]?.text;
  if (directive === undefined || path === undefined || PACKAGED_PID.test(path)) return;
  if (t.plan.server.has("pid_file")) return t.ledger.notNeeded(directive, "one pid file is enough");
  t.plan.server.set("pid_file", pathOf(path, t.prefix), directive.origin);
  t.ledger.translated(directive, "pid_file");
}

function workers(t: Translation): void {
  const directive = t.main.own("worker_processes").at(-1);
  if (directive === undefined) return;
  const text = directive.args[0]?.text ?? "";
  if (text === "auto") return t.ledger.defaultHere(directive, "a front thread for each core");
  if (!/^\d+$/.test(text)) return t.ledger.error(directive, `${text} is no number`);
  t.plan.server.set("fronts", Math.min(Math.max(Number(text), 1), 256), directive.origin);
  t.ledger.translated(directive, "fronts");
}

function connections(t: Translation): void {
  const events = t.main.own("events")[0];
  if (events === undefined) return;
  t.ledger.notNeeded(events, "the best way to wait for connections is chosen");
  const directive = (events.block ?? []).find(({ name }) => name === "worker_connections");
  if (directive === undefined) return;
  const each = Number(directive.args[0]?.text);
  const written = t.main.value("worker_processes");
  const all = each * (written !== undefined && /^\d+$/.test(written) ? Number(written) : 1);
  if (!(all > CONNECTIONS))
    return t.ledger.defaultHere(directive, `max_connections is ${CONNECTIONS} for all fronts together`);
  t.plan.server.set("max_connections", Math.min(all, 10_000_000), directive.origin);
  t.ledger.translated(directive, "max_connections, for all fronts together");
}

/** `keepalive_timeout 0` keeps none. */
function keepalive(t: Translation, servers: readonly Block[]): void {
  const { one, others } = oneFor(t, "keepalive_timeout", servers);
  for (const directive of one === undefined ? [] : [one, ...others]) {
    const ms = timeOf(directive.args[0]?.text ?? "");
    if (ms === undefined) t.ledger.error(directive, "is no time; nginx takes 65 or 65s");
    else if (directive !== one) t.ledger.translated(directive, "keepalive_timeout, one for the whole server");
    else if (ms === 0) {
      t.plan.server.set("keepalive_requests", 1, directive.origin);
      t.ledger.translated(directive, "keepalive_requests = 1");
    } else if (ms === 75_000) t.ledger.defaultHere(directive, "75 s here, too");
    else {
      t.plan.server.set("keepalive_timeout", formatDuration(Math.min(ms, 86_400_000)), directive.origin);
      t.ledger.translated(directive, "keepalive_timeout");
    }
  }
}

function headerSizes(t: Translation, servers: readonly Block[]): void {
  const { one, others } = oneFor(t, "large_client_header_buffers", servers);
  for (const directive of one === undefined ? [] : [one, ...others]) {
    const [number = "4", size = "8k"] = directive.args.map(({ text }) => text);
    const bytes = Number(number) * (sizeOf(size) ?? 0);
    if (bytes <= HEADER_BYTES) t.ledger.defaultHere(directive, "max_header_size is 64 KiB for all fields together");
    else {
      t.plan.server.set("max_header_size", formatSize(Math.min(bytes, 1024 * 1024)), directive.origin);
      t.ledger.translated(directive, "max_header_size");
    }
  }
}

/** limit_conn by address counts requests that are under way there, connections here; and for the whole server, so all of
 *  its servers have to ask for it. */
function connectionLimit(t: Translation, servers: readonly Block[]): void {
  const zones = t.http.own("limit_conn_zone");
  const isByAddress = zones.every(({ args }) => (args[0]?.text ?? "").endsWith("remote_addr"));
  const limits = [t.http, ...servers].flatMap((block) => block.own("limit_conn"));
  const [first] = limits;
  const isForAll = servers.every((server) => server.inForce("limit_conn").length > 0);
  const isOne = new Set(limits.map(({ args }) => args[1]?.text)).size === 1;
  if (first === undefined || !isByAddress || !isForAll || !isOne) return;
  const most = countOf(t, first, first.args[1]?.text);
  if (most === undefined) return;
  t.plan.server.set("max_connections_per_address", Math.min(most, 65_535), first.origin);
  for (const each of [...zones, ...limits])
    t.ledger.translated(each, "max_connections_per_address, for the whole server");
}

function openFiles(t: Translation): void {
  const valid = t.http.own("open_file_cache_valid").at(-1);
  const [text] = valid?.args ?? [];
  const ms = text === undefined ? undefined : timeOf(text.text);
  if (valid === undefined || ms === undefined) return;
  t.plan.server.set("cache_revalidate", formatDuration(Math.min(ms, 3_600_000)), valid.origin);
  t.ledger.translated(valid, "cache_revalidate");
}
