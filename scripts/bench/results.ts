/** What was measured, as docs/bench/results.json holds it: rows with the medians of each peer, the machine, the tools. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import { dirname } from "node:path";
import { wrkVersion } from "./load/wrk.ts";
import type { Absent } from "./peers/all.ts";
import { PYTHON, type Peer } from "./peers/peer.ts";
import { versionFrom } from "./peers/program.ts";
import type { Metric, Row } from "./rows/row.ts";

/** Over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Entry {
  readonly peer: string;
  readonly values: Readonly<Record<string, Spread>>;
  readonly errors: number;
  /** When it was measured, and how; a later part of the bench leaves others as they were. Of old ones the row says how. */
  readonly date?: string;
  readonly rounds?: number;
  readonly seconds?: number;
}

export interface RowResult extends Pick<Row, "id" | "title" | "group" | "judgedBy"> {
  readonly metrics: readonly Metric[];
  readonly note?: string;
  readonly bar?: NonNullable<Row["bar"]>;
  readonly rounds: number;
  readonly seconds: number;
  /** What else the machine had to do when the row began: the load average of a minute. */
  readonly load?: number;
  readonly entries: readonly Entry[];
  /** Whose answers were wrong, or who broke down, with how. */
  readonly refused: readonly Absent[];
}

export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly tools: readonly string[];
  /** By peer. */
  readonly versions: Readonly<Record<string, string>>;
  readonly notes: Readonly<Record<string, string>>;
  readonly absent: readonly Absent[];
  readonly rows: readonly RowResult[];
}

export function describe(peers: readonly Peer[], absent: readonly Absent[]): Omit<Results, "rows"> {
  const notes = peers.flatMap(({ name, note }) => (note === undefined ? [] : [[name, note] as const]));
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    tools: [
      wrkVersion(),
      `Python ${versionFrom(PYTHON, "--version")}`,
      `Django ${djangoVersion()}`,
      `Bun ${Bun.version}`,
    ],
    versions: Object.fromEntries(peers.map((peer) => [peer.name, peer.version()])),
    notes: Object.fromEntries(notes),
    absent,
  };
}

function machine(): string {
  const [first] = cpus();
  const model = first?.model.trim() ?? "unknown processor";
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  return `${cpus().length} cores of ${model} (${arch()}), ${memory}, Linux ${release()}, ${distribution()}, TCP with ${congestionControl()}`;
}

/** What connections have where nobody says otherwise. */
function congestionControl(): string {
  const path = "/proc/sys/net/ipv4/tcp_congestion_control";
  return existsSync(path) ? readFileSync(path, "latin1").trim() : "what is unknown";
}

function distribution(): string {
  const text = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? "unknown distribution";
}

function djangoVersion(): string {
  return versionFrom(PYTHON, "-c", "import django; print(django.get_version())");
}

/** Rows measured now take the place of those of before; a peer that was not asked now keeps what it had. */
export function merge(before: Results | undefined, now: Results, order: readonly string[]): Results {
  if (before === undefined || before.machine !== now.machine) return now;
  const rows = new Map(before.rows.map((row) => [row.id, row]));
  for (const row of now.rows) rows.set(row.id, mergeRow(rows.get(row.id), row));
  const sorted = [...rows.values()].toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  const known = new Set(Object.keys(now.versions));
  return {
    ...now,
    versions: { ...before.versions, ...now.versions },
    notes: { ...before.notes, ...now.notes },
    absent: [...before.absent.filter(({ peer }) => !known.has(peer)), ...now.absent].filter(isFirst),
    rows: sorted.filter(({ id }) => order.includes(id)),
  };
}

function isFirst(absent: Absent, i: number, all: readonly Absent[]): boolean {
  return all.findIndex(({ peer }) => peer === absent.peer) === i;
}

function mergeRow(before: RowResult | undefined, now: RowResult): RowResult {
  if (before === undefined) return now;
  const asked = new Set([...now.entries, ...now.refused].map(({ peer }) => peer));
  const keep = <T extends { readonly peer: string }>(all: readonly T[]) => all.filter(({ peer }) => !asked.has(peer));
  const { rounds, seconds } = before;
  return {
    ...now,
    entries: [...now.entries, ...keep(before.entries).map((entry) => ({ rounds, seconds, ...entry }))],
    refused: [...now.refused, ...keep(before.refused)],
  };
}

export function readResults(path: string): Results | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Results) : undefined;
}

export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(results, undefined, 2)}\n`);
}
