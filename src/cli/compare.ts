/**
 * `server import --compare OLD NEW`: asks both servers for the same things, made from the routes, and says where they answer
 * alike and where not: `same`, `different`, or `meant` where this server answers otherwise on purpose (README.md). Starts
 * nothing. Dates, versions and tags of what is the same are not compared.
 */
import { request as httpRequest } from "node:http";
import { readdirSync } from "node:fs";
import type { Plan } from "../import/plan.ts";
import type { Probe } from "../import/probes.ts";
import { EXIT_FAILED, EXIT_OK, type Terminal } from "./command.ts";

const PATIENCE_MS = 30_000;
const FILES_ASKED_MAX = 2;
const LAST_WORD_MS = 250;
/** Of a content, to show where two differ. */
const KEPT_BYTES_MAX = 64 * 1024;
const SHOWN_CHARACTERS = 30;

interface Answered {
  readonly status: number;
  readonly location: string;
  readonly type: string;
  readonly cache: string;
  readonly bytes: number;
  readonly digest: string;
  /** Its beginning, as latin-1. */
  readonly content: string;
}

export async function compareServers(plan: Plan, old: URL, now: URL, terminal: Terminal): Promise<number> {
  const { probesOf } = await import("../import/probes.ts");
  const probes = probesOf(plan, filesIn);
  const away = await whoIsAway([old, now], probes[0]);
  if (away !== undefined) {
    terminal.stderr(`server import: ${away}; start it, and ask again\n`);
    return EXIT_FAILED;
  }
  const counts = { same: 0, meant: 0, different: 0 };
  for (const probe of probes) {
    const [before, after] = await Promise.all([ask(old, probe), ask(now, probe)]);
    const reasons = differences(before, after);
    const purpose = reasons.length === 0 ? undefined : purposeOf(probe, before, after);
    const verdict = reasons.length === 0 ? "same" : purpose === undefined ? "different" : "meant";
    counts[verdict]++;
    const asked = `${probe.method} ${probe.host ?? ""}${probe.path}`;
    const detail = reasons.length === 0 ? statusOf(before) : (purpose ?? reasons.join("; "));
    terminal.stdout(`${verdict.padEnd(VERDICT_WIDTH)}  ${asked}  (${probe.what}): ${detail}\n`);
  }
  const { same, meant, different } = counts;
  terminal.stdout(`${same} same, ${meant === 0 ? "" : `${meant} meant, `}${different} different\n`);
  return different === 0 ? EXIT_OK : EXIT_FAILED;
}

/** Undefined: somebody listens there, whatever the answer is. */
async function whoIsAway(bases: readonly URL[], probe: Probe | undefined): Promise<string | undefined> {
  if (probe === undefined) return undefined;
  for (const base of bases) {
    const answer = await ask(base, probe);
    if (typeof answer === "string" && answer.startsWith("connect "))
      return `${base.origin} does not answer (${answer})`;
  }
  return undefined;
}

const VERDICT_WIDTH = "different".length;

/** Where this server is meant to answer otherwise. */
function purposeOf({ what }: Probe, before: Answered | string, after: Answered | string): string | undefined {
  if (typeof before === "string" || typeof after === "string") return undefined;
  if (what.startsWith("the directory") && before.status === 403 && after.status === 404)
    return "403 there, 404 here: a directory that is not shown is not there";
  if (what.startsWith("the edge of /") && !what.endsWith("/"))
    return `a prefix ends at a segment here, and this is none of ${what.slice("the edge of ".length)}`;
  const isTyped = after.type.startsWith(`${before.type}; charset=`) && before.type !== "";
  if (isTyped && reasonsBeside(before, after) === 0)
    return `${before.type} there: every textual file gets the charset of its site here`;
  return undefined;
}

/** Differences apart from Content-Type. */
function reasonsBeside(before: Answered, after: Answered): number {
  return differences(before, { ...after, type: before.type }).length;
}

function statusOf(answer: Answered | string): string {
  return typeof answer === "string" ? answer : String(answer.status);
}

function filesIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !/^\.|~$/.test(entry.name));
    return files
      .map(({ name }) => name)
      .toSorted()
      .slice(0, FILES_ASKED_MAX);
  } catch {
    return [];
  }
}

/** A string is why there was no answer. */
function ask(base: URL, { method, path, host, bodyBytes }: Probe): Promise<Answered | string> {
  const { promise, resolve } = Promise.withResolvers<Answered | string>();
  const headers: Record<string, string> = { host: host ?? base.host };
  if (method === "POST") {
    headers["content-type"] = "application/x-www-form-urlencoded";
    headers["content-length"] = String(bodyBytes);
  }
  const options = { host: base.hostname, port: Number(base.port || 80), method, path, headers, agent: false };
  const asked = httpRequest(options, (response) => {
    const hasher = new Bun.CryptoHasher("sha256");
    let bytes = 0;
    let content = "";
    response.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (content.length < KEPT_BYTES_MAX) content += Buffer.from(chunk).latin1Slice();
      hasher.update(chunk);
    });
    response.on("end", () => {
      const { location = "", "content-type": type = "", "cache-control": cache = "" } = response.headers;
      const status = response.statusCode ?? 0;
      resolve({
        status,
        location: relative(location, base, host),
        type: plain(type),
        cache,
        bytes,
        digest: hasher.digest("hex"),
        content,
      });
    });
    response.on("error", (error) => resolve(error.message));
  });
  asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error("no answer in time")));
  // A server may answer 413 and close while the body is still sent: then its answer counts, which may lie there unread.
  asked.on("error", (error) => setTimeout(() => resolve(error.message), LAST_WORD_MS));
  asked.end(bodyBytes === 0 ? undefined : "a=1".padEnd(bodyBytes, "x"));
  return promise;
}

/** A redirect to the server itself may name it or not. */
function relative(location: string, base: URL, host: string | undefined): string {
  const at = location.indexOf("//") === -1 ? undefined : new URL(location, base);
  return at !== undefined && at.port === base.port && [base.hostname, host].includes(at.hostname)
    ? at.pathname + at.search
    : location;
}

/** RFC 9239 renamed one type; a charset in other letters is the same. */
function plain(type: string): string {
  return type.toLowerCase().replace("application/javascript", "text/javascript").replace(/;\s*/, "; ");
}

function differences(before: Answered | string, after: Answered | string): string[] {
  if (typeof before === "string" || typeof after === "string") {
    return before === after ? [] : [`${statusOf(before)} there, ${statusOf(after)} here`];
  }
  const reasons: string[] = [];
  const tell = (what: string, there: string | number, here: string | number) => {
    if (there !== here)
      reasons.push(`${what}: ${there === "" ? "none" : there} there, ${here === "" ? "none" : here} here`);
  };
  tell("status", before.status, after.status);
  tell("Location", before.location, after.location);
  // The text of an error is each server's own.
  if (before.status >= 300 || reasons.length > 0) return reasons;
  tell("Content-Type", before.type, after.type);
  if (before.cache !== "") tell("Cache-Control", before.cache, after.cache);
  if (before.digest !== after.digest) reasons.push(contentDifference(before, after));
  return reasons;
}

function contentDifference(before: Answered, after: Answered): string {
  const sizes = before.bytes === after.bytes ? "" : ` (${before.bytes} bytes there, ${after.bytes} here)`;
  let at = 0;
  while (at < before.content.length && before.content[at] === after.content[at]) at++;
  const isText = /^(?:text\/|application\/(?:json|javascript|xml))/.test(before.type);
  if (!isText || at >= KEPT_BYTES_MAX) return `the content is another${sizes}`;
  const from = Math.max(0, at - SHOWN_CHARACTERS / 2);
  const [there, here] = [before, after].map(({ content }) => {
    const piece = content.slice(from, from + SHOWN_CHARACTERS);
    return JSON.stringify(Buffer.from(piece, "latin1").toString());
  });
  return `the content is another${sizes}: ${there} there, ${here} here, at byte ${at}`;
}
