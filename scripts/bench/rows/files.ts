/** Static files, from 1 KiB to 100 MiB, many small ones, not modified ones, and over TLS. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { field } from "../../../test/support/wire.ts";
import { askOnce } from "../load/once.ts";
import { FIXED_BODY } from "../peers/peer.ts";
import { FILE_BYTES, FILE_TIME, MANY, MANY_BYTES, MANY_ROUNDS_MAX, MANY_WARM_UP_FOLDERS } from "../scenes/scene.ts";
import { cpuMs, type Subject } from "../subject.ts";
import { closedRow, inspect, pacedRow } from "./closed.ts";
import { CPU, hasLength, holds, MEGABYTES, REQUESTS, type Row } from "./row.ts";

const files = { group: "files", scene: "files", needs: "files" } as const;
const tls = { group: "files", scene: "tls", needs: "tls" } as const;
const file = (name: keyof typeof FILE_BYTES) => ({ path: `/${name}`, wrong: hasLength(FILE_BYTES[name]) });

const cold: Row = {
  ...files,
  id: "many-cold",
  title: "10,000 files of 4 KiB, each for the first time",
  note: "Without a warm-up: it is the first time for the server, too. The kernel has the files in its cache",
  metrics: [CPU, REQUESTS],
  judgedBy: [CPU.key],
  roundsMax: 3,
  hasNoWarmUp: true,
  check: (subject) => inspect(subject, { path: "/many0/0.css", wrong: hasLength(MANY_BYTES) }),
  measure: async (subject, _, round) => {
    const folder = 1 + MANY_WARM_UP_FOLDERS + round;
    readAll(subject, folder);
    const [before, began] = [cpuMs(subject), performance.now()];
    await askAll(subject, folder);
    const seconds = (performance.now() - began) / 1000;
    return { perSecond: MANY / seconds, cpuUs: ((cpuMs(subject) - before) * 1000) / MANY, errors: 0 };
  },
};

/** The same of a server that has sent other files before. */
export const coldFilesWarmServer: Row = {
  ...cold,
  title: "10,000 files of 4 KiB, each for the first time, warmed up",
  note: "The warm-up is 50,000 other files, each for the first time. The kernel has the files in its cache",
  roundsMax: MANY_ROUNDS_MAX,
  hasNoWarmUp: false,
  measure: async (subject, how, round) => {
    if (round >= 0) return cold.measure(subject, how, round);
    for (let folder = 1; folder <= MANY_WARM_UP_FOLDERS; folder++) await askAll(subject, folder);
    return {};
  },
};

/** So that the kernel has them at hand, whoever is asked first. */
function readAll({ scene }: Subject, folder: number): void {
  for (let number = 0; number < MANY; number++) readFileSync(join(scene.files ?? "", `many${folder}/${number}.css`));
}

const askAll = ({ place: { port } }: Subject, folder: number) =>
  askOnce({ port, target: (number) => `/many${folder}/${number}.css`, files: MANY, bytes: MANY_BYTES });

const megabyte = { ...files, title: "1 MiB file", connections: 32, first: MEGABYTES, ...file("1m") } as const;
const hundred = { ...files, title: "100 MiB file", connections: 4, first: MEGABYTES, ...file("100m") } as const;

const READ = "Asked by scripts/bench/load/reader.ts, which reads 128 KiB at a time where wrk reads 8";

/** Large files for a client that takes them with less effort than wrk. */
export const LARGE_READS: readonly Row[] = [
  closedRow({ ...megabyte, id: "1m-read", title: `${megabyte.title}, large reads`, note: READ, by: "reader" }),
  closedRow({ ...hundred, id: "100m-read", title: `${hundred.title}, large reads`, note: READ, by: "reader" }),
];

export const FILE_ROWS: readonly Row[] = [
  closedRow({
    ...files,
    id: "fixed",
    title: "fixed reply",
    needs: "fixed",
    path: "/fixed",
    connections: 32,
    wrong: holds(FIXED_BODY),
  }),
  closedRow({
    ...files,
    id: "1k",
    title: "1 KiB file",
    connections: 32,
    isQuick: true,
    ...file("1k"),
  }),
  pacedRow({ ...files, id: "1k-paced", title: "1 KiB file at 4,000 requests/s", perSecond: 4000, ...file("1k") }),
  closedRow({
    ...files,
    id: "16k",
    title: "16 KiB file",
    connections: 32,
    ...file("16k"),
  }),
  closedRow({ ...megabyte, id: "1m", isQuick: true }),
  closedRow({ ...hundred, id: "100m" }),
  closedRow({
    ...files,
    id: "many",
    title: "10,000 files of 4 KiB, at random",
    path: "/many0/0.css",
    paths: { count: MANY, lua: "/many0/N.css" },
    connections: 32,
    wrong: hasLength(MANY_BYTES),
  }),
  cold,
  closedRow({
    ...files,
    id: "304",
    title: "not modified (304)",
    path: "/1k",
    connections: 32,
    isQuick: true,
    fields: [`If-Modified-Since: ${FILE_TIME.toUTCString()}`],
    status: 304,
    wrong: (answer) =>
      field(answer, "Content-Length") === undefined || answer.body.length === 0 ? undefined : "a body",
  }),
  closedRow({
    ...tls,
    id: "tls",
    title: "HTTPS: 1 KiB file, kept connections",
    connections: 32,
    bar: { key: "cpuUs", atMost: 1 },
    ...file("1k"),
  }),
  closedRow({
    ...tls,
    id: "tls-1m",
    title: "HTTPS: 1 MiB file",
    connections: 8,
    first: MEGABYTES,
    bar: { key: "cpuUs", atMost: 1 },
    ...file("1m"),
  }),
  closedRow({
    ...tls,
    id: "tls-handshakes",
    title: "HTTPS: a handshake for each request",
    connections: 16,
    fields: ["Connection: close"],
    bar: { key: "cpuUs", atMost: 1.11 },
    note: "wrk takes a session up again where the server resumes it",
    ...file("1k"),
  }),
];
