/**
 * The app channel alone: front thread ↔ Python, without HTTP. Prints requests per second and CPU per request of either
 * side. Not a load test of the server. Usage: bun scripts/bench/channel.ts [processes] [threads] [in flight]
 */
import { readFileSync } from "node:fs";
import { AppChannel } from "../../src/apps/channel.ts";
import { makeAppHandler } from "../../src/apps/handler.ts";
import { AppSupervisor } from "../../src/apps/supervisor.ts";
import { makeLog } from "../../src/base/log.ts";
import { sendOpenFile } from "../../src/files/handed-over.ts";
import { Exchange, type Handler } from "../../src/exchange/exchange.ts";
import type { Producer, Reply, ReplyState } from "../../src/exchange/reply.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import type { RequestHead } from "../../src/protocol/http/message.ts";

const [processes = 2, threads = 2, inFlightMax = 64] = process.argv.slice(2).map(Number);
const ROUNDS = 4;
const REQUESTS = 100_000;

/** What a browser sends. */
const HEAD: RequestHead = {
  method: "GET",
  target: "/hello?x=1",
  form: "origin",
  path: "/hello",
  rawPath: "/hello",
  query: "x=1",
  host: "localhost",
  hostPort: 8000,
  minor: 1,
  fields: Fields.of([
    ["Host", "localhost:8000"],
    ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"],
    ["Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    ["Accept-Encoding", "gzip, deflate, br"],
    ["Accept-Language", "en-US,en;q=0.5"],
    ["Cookie", "sessionid=abcdefghijklmnop; csrftoken=0123456789"],
    ["Connection", "keep-alive"],
  ]),
  bodyLength: 0,
  persistent: true,
  expectsContinue: false,
  upgrade: undefined,
};
const PEER = {
  remoteAddress: "127.0.0.1",
  remotePort: 40000,
  localAddress: "127.0.0.1",
  localPort: 8000,
  secure: false,
};
const NO_BODY = { length: 0, read: () => {}, pause: () => {}, resume: () => {} };

/** Counts the reply and asks for the next. */
class CountedReply implements Reply {
  state: ReplyState = "waiting";
  status = 0;
  producer: Producer | undefined;
  private readonly round: Round;

  constructor(round: Round) {
    this.round = round;
  }

  whole(head: { status: number }): void {
    if (head.status !== 200) throw new Error(`answered with ${head.status}`);
    this.state = "finished";
    this.round.answered();
  }

  start(): void {
    throw new Error("the reply should come whole");
  }
  data(): boolean {
    return true;
  }
  end(): void {}
  interim(): void {}
  abort(why: string): void {
    throw new Error(why);
  }
}

class Round {
  private asked = 0;
  private done = 0;
  readonly over = Promise.withResolvers<void>();
  private readonly handler: Handler;

  constructor(handler: Handler) {
    this.handler = handler;
  }

  begin(): void {
    for (let i = 0; i < inFlightMax; i++) this.ask();
  }

  private ask(): void {
    if (this.asked === REQUESTS) return;
    const facts = { head: HEAD, peer: PEER, body: NO_BODY, protocol: "HTTP/1.1", params: undefined, startedMs: 0 };
    this.handler(new Exchange({ ...facts, id: ++this.asked, reply: new CountedReply(this) }));
  }

  answered(): void {
    if (++this.done === REQUESTS) this.over.resolve();
    else this.ask();
  }
}

/** User and system time of the workers, microseconds; a tick of /proc is 10 ms. */
function pythonMicroseconds(supervisor: AppSupervisor): number {
  const ticks = supervisor.status().workers.map(({ pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, count) => sum + count, 0) * 10_000;
}

async function measure(supervisor: AppSupervisor, handler: Handler): Promise<void> {
  const round = new Round(handler);
  const before = { ms: performance.now(), front: process.cpuUsage(), python: pythonMicroseconds(supervisor) };
  round.begin();
  await round.over.promise;
  const ms = performance.now() - before.ms;
  const { user, system } = process.cpuUsage(before.front);
  const python = pythonMicroseconds(supervisor) - before.python;
  const per = (us: number) => (us / REQUESTS).toFixed(1);
  const rate = Math.round((REQUESTS / ms) * 1000);
  console.log(`${rate} requests/s   front ${per(user + system)} us   Python ${per(python)} us per request`);
}

const log = makeLog("bench", "warn", (line) => process.stderr.write(line));
const supervisor = new AppSupervisor(
  {
    name: "bench",
    root: `${import.meta.dir}/../../test/apps/projects`,
    wsgi: { kind: "module", module: "bench", callable: "application" },
    python: Bun.which("python3") ?? "python3",
    processes,
    threads,
    env: {},
    temporaryDirectory: "/tmp",
  },
  1,
  (_, message) => channel.receiveMessage(message),
  log,
);
const channel = new AppChannel(
  { app: "bench", front: 0, queueFd: supervisor.queueFd, temporaryDirectory: "/tmp", sendFile: sendOpenFile },
  log,
);
await supervisor.start();
for (let i = 0; i < ROUNDS; i++) await measure(supervisor, makeAppHandler(channel));
await supervisor.stop(1000);
channel.close();
