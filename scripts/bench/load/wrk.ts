/** A closed loop: so many kept connections, each of which asks again as soon as its answer is there. By wrk. */
import { join } from "node:path";
import { versionFrom } from "../peers/program.ts";

export interface ClosedLoad {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** Fields of every request. */
  readonly fields?: readonly string[];
  /** Of the server: one that has a single one leaves the other cores to wrk, and wrk leaves it its own. */
  readonly fronts: number;
  /** Sent as POST. */
  readonly body?: Buffer;
  /** Paths, taken at random; in place of the URL's. */
  readonly paths?: { readonly count: number; readonly lua: string };
  /** For what wrk is told in files. */
  readonly folder: string;
}

export interface ClosedResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
  /** Of the processor time that the load generator's threads could have: near 1 it is itself what is measured. */
  readonly busy: number;
}

export const wrkMissing = () => (Bun.which("wrk") === null ? "wrk is not installed (apt-get install wrk)" : undefined);
export const wrkVersion = () => `wrk ${versionFrom("wrk", "-v")}`;

const THREADS_MAX = 2;

export async function closedLoad(load: ClosedLoad): Promise<ClosedResult> {
  const { url, connections, seconds, fronts, fields = [] } = load;
  const cores = navigator.hardwareConcurrency;
  const threads = Math.min(THREADS_MAX, fronts < cores ? cores - fronts : cores, connections);
  const script = await scriptFor(load);
  const more = script === undefined ? [] : ["-s", script];
  const all = ["Host: localhost", ...fields].flatMap((field) => ["-H", field]);
  const scale = ["-t", String(threads), "-c", String(connections), "-d", `${seconds}s`];
  const command = ["wrk", ...scale, "--latency", ...all, ...more, url];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const report = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${report}`);
  const cpuSeconds = Number(child.resourceUsage()?.cpuTime.total ?? Number.NaN) / 1e6;
  const read = readReport(report);
  return { ...read, busy: (cpuSeconds * read.perSecond) / (threads * read.requests) };
}

/** What wrk prints at its end. */
export function readReport(report: string): Omit<ClosedResult, "busy"> {
  const found = /(\d+) requests in ([\d.]+)(m?s|m), ([\d.]+)([KMGT]?)B read/.exec(report);
  const requests = Number(found?.[1] ?? 0);
  if (found === null || requests === 0) throw new Error(`nothing was answered:\n${report}`);
  const elapsed = Number(found[2]) * { ms: 0.001, s: 1, m: 60 }[found[3] as "ms" | "s" | "m"];
  const bytes = Number(found[4]) * 1024 ** " KMGT".indexOf(found[5] || " ");
  const socketErrors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(report)?.[1] ?? 0);
  const errors = socketErrors.reduce((sum, count) => sum + Number(count), refused);
  const perSecond = requests / elapsed;
  const [p50Ms, p99Ms] = [percentile(report, 50), percentile(report, 99)];
  return { requests, perSecond, megabytesPerSecond: bytes / elapsed / 1e6, p50Ms, p99Ms, errors };
}

/** `99%    1.23ms` of wrk's --latency. */
function percentile(report: string, share: number): number {
  const [, number = "NaN", unit = "ms"] = new RegExp(String.raw`${share}%\s+([\d.]+)(us|ms|s|m)`).exec(report) ?? [];
  return Number(number) * { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit as "us" | "ms" | "s" | "m"];
}

async function scriptFor({ body, paths, folder }: ClosedLoad): Promise<string | undefined> {
  const lua = join(folder, "wrk.lua");
  if (body !== undefined) {
    const content = join(folder, "body.bin");
    await Bun.write(content, body);
    await Bun.write(lua, `wrk.method = "POST"\nwrk.body = io.open(${JSON.stringify(content)}, "rb"):read("*a")\n`);
    return lua;
  }
  if (paths === undefined) return undefined;
  const path = paths.lua.replace("N", `" .. math.random(0, ${paths.count - 1}) .. "`);
  await Bun.write(lua, `request = function() return wrk.format("GET", "${path}") end\n`);
  return lua;
}
