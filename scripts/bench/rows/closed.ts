/** Rows of a closed loop, and of a fixed rate: what they have in common. */
import { ask, type Answer } from "../../../test/support/wire.ts";
import { pacedLoad, quantile } from "../load/paced.ts";
import { readLoad } from "../load/reader.ts";
import { closedLoad } from "../load/wrk.ts";
import { cpuMs, type Subject } from "../subject.ts";
import {
  BUSY,
  CPU,
  type How,
  MEGABYTES,
  type Metric,
  P50,
  P99,
  REQUESTS,
  type Row,
  type Sample,
  type Wrong,
} from "./row.ts";

type Given = "id" | "title" | "group" | "scene" | "needs" | "bar" | "note" | "isQuick" | "roundsMax" | "warmUpSeconds";

export interface ClosedRow extends Pick<Row, Given> {
  readonly path: string;
  readonly connections: number;
  readonly fields?: readonly string[];
  readonly body?: Buffer;
  readonly paths?: { readonly count: number; readonly lua: string };
  /** Default 200. */
  readonly status?: number;
  readonly wrong: Wrong;
  /** Before requests/s. */
  readonly first?: Metric;
  /** Who asks. Default: wrk. */
  readonly by?: "wrk" | "reader";
}

export function closedRow(row: ClosedRow): Row {
  const first = row.first === undefined ? [] : [row.first];
  const metrics = [...first, REQUESTS, CPU, P50, P99, ...(row.first === MEGABYTES ? [BUSY] : [])];
  return {
    ...row,
    metrics,
    judgedBy: [row.first?.key ?? REQUESTS.key, CPU.key],
    check: (subject) => inspect(subject, row),
    measure: (subject, how) => measureClosed(subject, row, how),
  };
}

type Request = Pick<ClosedRow, "path" | "fields" | "body" | "status" | "wrong">;

export async function inspect(subject: Subject, request: Request): Promise<string | undefined> {
  const { status = 200, wrong } = request;
  const answer = await askOnce(subject, request);
  return answer.status === status ? wrong(answer) : `status ${answer.status}`;
}

async function askOnce({ place, scene }: Subject, { path, fields = [], body }: Request): Promise<Answer> {
  if (scene.tls !== undefined) return askEncrypted(`https://127.0.0.1:${place.port}${path}`);
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  const lines = [`${body === undefined ? "GET" : "POST"} ${path} HTTP/1.1`, "Host: localhost", ...length, ...fields];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  return ask({ host: "127.0.0.1", port: place.port }, Buffer.concat([head, body ?? Buffer.alloc(0)]));
}

async function askEncrypted(url: string): Promise<Answer> {
  const reply = await fetch(url, { headers: { Host: "localhost" }, tls: { rejectUnauthorized: false } });
  const body = Buffer.from(await reply.arrayBuffer());
  const fields = [...reply.headers];
  return { status: reply.status, reason: reply.statusText, version: "HTTP/1.1", fields, body, framing: "length" };
}

type Loaded = Pick<ClosedRow, "path" | "connections" | "fields" | "body" | "paths" | "by">;

export async function measureClosed(subject: Subject, row: Loaded, how: How): Promise<Sample> {
  const before = cpuMs(subject);
  const { port } = subject.place;
  const scheme = subject.scene.tls === undefined ? "http" : "https";
  const url = `${scheme}://127.0.0.1:${port}${row.path}`;
  const { requests, ...result } =
    row.by === "reader"
      ? await readLoad({ ...row, ...how, port })
      : await closedLoad({ ...row, ...how, url, fronts: subject.scene.fronts });
  return { ...result, cpuUs: ((cpuMs(subject) - before) * 1000) / requests };
}

export interface PacedRow extends Pick<Row, Given> {
  readonly path: string;
  readonly perSecond: number;
  readonly wrong: Wrong;
}

const PACED_CONNECTIONS = 64;
const P999: Metric = { key: "p999Ms", title: "p99.9 ms", better: "less", digits: 2 };

export function pacedRow(row: PacedRow): Row {
  return {
    ...row,
    metrics: [P50, P99, P999, CPU],
    judgedBy: [P99.key],
    check: (subject) => inspect(subject, row),
    measure: async (subject, { seconds }) => {
      const { path, perSecond } = row;
      const before = cpuMs(subject);
      const load = { port: subject.place.port, path, perSecond, seconds, connections: PACED_CONNECTIONS };
      const { waits, errors } = await pacedLoad(load);
      const [p50Ms, p99Ms, p999Ms] = [quantile(waits, 0.5), quantile(waits, 0.99), quantile(waits, 0.999)];
      const cpuUs = ((cpuMs(subject) - before) * 1000) / waits.length;
      return { p50Ms, p99Ms, p999Ms, cpuUs, errors };
    },
  };
}
