/**
 * Two servers under the same load, in turns: what all benches of apps have in common. A row is asked once of each before
 * it is measured, and its answer looked at; a first round warms up and does not count; then the rounds are interleaved,
 * so that what else the machine does hits both. The load comes from wrk over kept connections.
 *
 * CPU is utime + stime of the whole tree from /proc; where load generator and server share cores, trust it and the ratio
 * more than requests/s.
 */
import { join } from "node:path";
import { treeCpuMs } from "../../test/support/processes.ts";
import { ask, type Answer } from "../../test/support/wire.ts";

export interface Contender {
  readonly name: string;
  readonly port: number;
  /** Their trees are what the CPU is of. */
  readonly pids: readonly number[];
  readonly stop: () => Promise<void>;
}

export interface Row {
  readonly name: string;
  readonly path: string;
  /** Sent as POST. */
  readonly body?: Buffer;
  readonly connections: number;
  /** What is wrong with the answer, if anything. */
  readonly wrong: (answer: Answer) => string | undefined;
  /** Of the peer's, at least so many requests/s and at most so much CPU. */
  readonly bar: { readonly perSecond: number; readonly cpu?: number };
}

export interface Sample {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p99Ms: number;
  readonly errors: number;
}

export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
  /** For what wrk is told in files. */
  readonly folder: string;
}

const CORES = navigator.hardwareConcurrency;
const WARM_UP_SECONDS = 1;

/** The last contender is the peer. Returns whether the bar was reached. */
export async function duel(contenders: readonly Contender[], row: Row, how: Rounds): Promise<boolean> {
  await Promise.all(contenders.map((each) => inspect(each, row)));
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await measure(contender, row, { ...how, seconds: WARM_UP_SECONDS });
  for (let round = 0; round < how.rounds; round++) {
    for (const contender of contenders) samples.get(contender.name)?.push(await measure(contender, row, how));
  }
  return print(row, samples);
}

export async function inspect({ name, port }: Contender, row: Row): Promise<void> {
  const { body = Buffer.alloc(0), path } = row;
  const method = row.body === undefined ? "GET" : "POST";
  const length = row.body === undefined ? "" : `Content-Length: ${body.length}\r\n`;
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${length}\r\n`);
  const answer = await ask({ host: "127.0.0.1", port }, Buffer.concat([head, body]));
  const wrong = answer.status === 200 ? row.wrong(answer) : `status ${answer.status}`;
  if (wrong !== undefined) throw new Error(`${name}, ${row.name}: ${wrong}`);
}

export async function measure(contender: Contender, row: Row, how: Rounds): Promise<Sample> {
  const cpu = () => contender.pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0);
  const before = cpu();
  const report = await wrk(`http://127.0.0.1:${contender.port}${row.path}`, row, how);
  const cpuMs = cpu() - before;
  const requests = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1] ?? 0);
  if (requests === 0) throw new Error(`${contender.name} answered nothing at ${row.path}:\n${report}`);
  const socketErrors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(report)?.[1] ?? 0);
  const errors = socketErrors.reduce((sum, count) => sum + Number(count), refused);
  return { perSecond, cpuUs: (cpuMs * 1000) / requests, p99Ms: p99(report), errors };
}

/** `99%    1.23ms` of wrk's --latency. */
function p99(report: string): number {
  const [, number = "NaN", unit = "ms"] = /99%\s+([\d.]+)(us|ms|s)/.exec(report) ?? [];
  return Number(number) * { us: 0.001, ms: 1, s: 1000 }[unit as "us" | "ms" | "s"];
}

async function wrk(url: string, row: Row, { seconds, folder }: Rounds): Promise<string> {
  const threads = String(Math.min(2, CORES, row.connections));
  const more = row.body === undefined ? [] : ["-s", await script(row.body, folder)];
  const fields = ["-H", "Host: localhost", "--latency"];
  const command = ["wrk", "-t", threads, "-c", String(row.connections), "-d", `${seconds}s`, ...fields, ...more, url];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const report = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${report}`);
  return report;
}

async function script(body: Buffer, folder: string): Promise<string> {
  const [content, lua] = [join(folder, "body.bin"), join(folder, "post.lua")];
  await Bun.write(content, body);
  await Bun.write(lua, `wrk.method = "POST"\nwrk.body = io.open(${JSON.stringify(content)}, "rb"):read("*a")\n`);
  return lua;
}

export const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number; // there is at least one round

/** A line for each contender, medians over the rounds, the ratio to the peer. */
function print({ name: title, bar }: Row, samples: ReadonlyMap<string, readonly Sample[]>): boolean {
  const medians = [...samples].map(([name, all]) => ({
    name,
    perSecond: median(all.map((sample) => sample.perSecond)),
    cpuUs: median(all.map((sample) => sample.cpuUs)),
    errors: all.reduce((sum, sample) => sum + sample.errors, 0),
  }));
  const [ours, peer] = [medians[0], medians.at(-1)] as [(typeof medians)[number], (typeof medians)[number]];
  const isMet = ours.perSecond >= bar.perSecond * peer.perSecond && ours.cpuUs <= (bar.cpu ?? Infinity) * peer.cpuUs;
  const cpu = bar.cpu === undefined ? "" : `, at most ${bar.cpu} × the CPU`;
  console.log(`\n${title} (at least ${bar.perSecond} × the requests${cpu}: ${isMet ? "met" : "NOT met"})`);
  for (const { name, perSecond, cpuUs, errors } of medians) {
    const ratios = `${(perSecond / peer.perSecond).toFixed(2)} × the requests, ${(cpuUs / peer.cpuUs).toFixed(2)} × the CPU`;
    const figures = `${perSecond.toFixed(0).padStart(8)} requests/s  ${cpuUs.toFixed(1).padStart(7)} µs CPU/request`;
    console.log(`  ${name.padEnd(14)}${figures}  ${ratios}${errors === 0 ? "" : `  ${errors} ERRORS`}`);
  }
  return isMet;
}
