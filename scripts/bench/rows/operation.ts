/** What operators feel: start-up, memory, idle and slow clients, reloads. */
import { Crowd } from "../../../test/support/crowd.ts";
import { descriptorsMax } from "../../../src/os/descriptors.ts";
import { Load, type LoadCounts } from "../../../test/support/load.ts";
import { slowReadersGrowth } from "../load/slow-readers.ts";
import { FILE_BYTES } from "../scenes/scene.ts";
import { launch, memoryBytes, serves, start, type Subject } from "../subject.ts";
import { inspect, measureClosed } from "./closed.ts";
import { hasLength, holds, type How, type Metric, P99, REQUESTS, type Row, type Sample } from "./row.ts";

const operation = { group: "operation", hasNoWarmUp: true } as const;
const hello = { path: "/", wrong: holds("hello") };
const small = { path: "/1k", wrong: hasLength(FILE_BYTES["1k"]) };
const IDLE_CONNECTIONS = 10_000;
const SLOW_READERS = 1000;
const RELOADS = 5;
const BETWEEN_RELOADS_MS = 1_200;
/** Of an instance that is measured with its connections, not with its start. */
const WARM_UP_SECONDS = 2;
/** Until what the start has left behind is collected. */
const SETTLED_MS = 1_500;
const MEGA = 1e6;

const less = (key: string, title: string, digits = 0): Metric => ({ key, title, better: "less", digits });

/** A further instance of the peer, from the start of its processes to the first good answer. */
async function startUp({ peer, scene }: Subject, { folder }: How, path: string): Promise<Sample> {
  const began = performance.now();
  const another = await launch(peer, scene, folder);
  try {
    await serves(another, path);
    return { startMs: performance.now() - began, errors: 0 };
  } finally {
    await another.running.stop();
  }
}

/** A further instance: untouched, and after a closed loop. */
async function memory({ peer, scene }: Subject, how: How, path: string): Promise<Sample> {
  const another = await start(peer, scene, how.folder);
  try {
    await Bun.sleep(SETTLED_MS);
    const idle = memoryBytes(another);
    const { errors = 0 } = await measureClosed(another, { path, connections: 64 }, how);
    return { idleMb: idle / MEGA, loadedMb: memoryBytes(another) / MEGA, errors };
  } finally {
    await another.running.stop();
  }
}

/** What the limit of open files has to leave beside the idle connections: for those that are measured, and for files. */
const DESCRIPTORS_BESIDE = 1_000;

/** Who can have no more connections answers nobody, and that would be told of the server and not of the machine. */
function descriptorsMissing(): string | undefined {
  const [wanted, max] = [IDLE_CONNECTIONS + DESCRIPTORS_BESIDE, descriptorsMax()];
  return max >= wanted ? undefined : `not measured: ${max} files may be open here (ulimit -n), it takes ${wanted}`;
}

/** A further instance: one that has served files keeps thousands of them open, which count as connections do. */
async function besideIdle({ peer, scene }: Subject, how: How): Promise<Sample> {
  const missing = descriptorsMissing();
  if (missing !== undefined) throw new Error(missing);
  const another = await start(peer, scene, how.folder);
  const greeting = "GET /1k HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const load = { path: "/1k", connections: 32 };
  let crowd: Crowd | undefined;
  try {
    await measureClosed(another, load, { ...how, seconds: WARM_UP_SECONDS });
    await Bun.sleep(SETTLED_MS);
    const before = memoryBytes(another);
    crowd = await Crowd.open({ host: "127.0.0.1", port: another.place.port, count: IDLE_CONNECTIONS, greeting });
    const live = await measureClosed(another, load, how);
    const kibEach = (memoryBytes(another) - before) / 1024 / IDLE_CONNECTIONS;
    const lost = IDLE_CONNECTIONS - crowd.open;
    return { ...live, kibEach, errors: (live["errors"] ?? 0) + lost };
  } finally {
    crowd?.close();
    await another.running.stop();
  }
}

async function besideSlow({ place, running }: Subject): Promise<Sample> {
  const [pid = 0] = running.pids;
  const growth = await slowReadersGrowth({ port: place.port, pid, path: "/100m", readers: SLOW_READERS });
  return { kibEach: growth / SLOW_READERS / 1024, errors: 0 };
}

function failed({ statuses, failures }: LoadCounts): number {
  const refused = Object.entries(statuses).filter(([status]) => status !== "200");
  return failures.length + refused.reduce((sum, [, count]) => sum + count, 0);
}

/** Kept and fresh connections, while the code is loaded anew several times. */
async function acrossReloads(subject: Subject): Promise<Sample> {
  const { reload } = subject.running;
  if (reload === undefined) throw new Error("it has no reload");
  const address = { host: "127.0.0.1", port: subject.place.port };
  const load = (more: string) =>
    new Load({ address, connections: 8, request: () => `GET / HTTP/1.1\r\nHost: localhost\r\n${more}\r\n` });
  const loads = [load(""), load("Connection: close\r\n")];
  for (let i = 0; i < RELOADS; i++) {
    await Bun.sleep(BETWEEN_RELOADS_MS / 2);
    await reload();
    await Bun.sleep(BETWEEN_RELOADS_MS / 2);
  }
  const counts = await Promise.all(loads.map((each) => each.stop()));
  const replies = counts.reduce((sum, each) => sum + each.replies, 0);
  return { failed: counts.reduce((sum, each) => sum + failed(each), 0), replies, errors: 0 };
}

export const OPERATION_ROWS: readonly Row[] = [
  {
    ...operation,
    id: "idle",
    title: "1 KiB file beside 10,000 idle connections",
    scene: "files",
    needs: "files",
    metrics: [REQUESTS, P99, less("kibEach", "KiB per idle connection", 1)],
    judgedBy: [REQUESTS.key, "kibEach"],
    roundsMax: 1,
    check: (subject) => inspect(subject, small),
    measure: besideIdle,
  },
  {
    ...operation,
    id: "slow",
    title: "1,000 slow readers of a 100 MiB file",
    scene: "files",
    needs: "files",
    metrics: [less("kibEach", "KiB per reader", 1)],
    judgedBy: ["kibEach"],
    roundsMax: 1,
    check: (subject) => inspect(subject, small),
    measure: besideSlow,
  },
  {
    ...operation,
    id: "reload",
    title: "requests failed across five reloads under load",
    scene: "wsgi",
    needs: "wsgi",
    metrics: [less("failed", "failed"), { key: "replies", title: "of replies", better: "more", digits: 0 }],
    judgedBy: ["failed"],
    roundsMax: 1,
    check: (subject) => inspect(subject, hello),
    measure: acrossReloads,
  },
  {
    ...operation,
    id: "start",
    title: "start to the first answer of the application",
    scene: "wsgi",
    needs: "wsgi",
    isQuick: true,
    metrics: [less("startMs", "ms")],
    judgedBy: ["startMs"],
    check: (subject) => inspect(subject, hello),
    measure: (subject, how) => startUp(subject, how, "/"),
  },
  {
    ...operation,
    id: "start-files",
    title: "start to the first file",
    scene: "files",
    needs: "files",
    metrics: [less("startMs", "ms")],
    judgedBy: ["startMs"],
    check: (subject) => inspect(subject, small),
    measure: (subject, how) => startUp(subject, how, "/1k"),
  },
  {
    ...operation,
    id: "memory",
    title: "memory of an application server (shared pages once)",
    scene: "wsgi",
    needs: "wsgi",
    isQuick: true,
    metrics: [less("idleMb", "MB idle"), less("loadedMb", "MB after load")],
    judgedBy: ["loadedMb"],
    roundsMax: 1,
    check: (subject) => inspect(subject, hello),
    measure: (subject, how) => memory(subject, how, "/"),
  },
  {
    ...operation,
    id: "memory-files",
    title: "memory of a file server (shared pages once)",
    scene: "files",
    needs: "files",
    metrics: [less("idleMb", "MB idle"), less("loadedMb", "MB after load")],
    judgedBy: ["loadedMb"],
    roundsMax: 1,
    check: (subject) => inspect(subject, small),
    measure: (subject, how) => memory(subject, how, "/1k"),
  },
];
