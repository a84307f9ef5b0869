/**
 * `make soak`: the built binary under a mixed load for SOAK_MINUTES (5), with code reloads, workers that are recycled and
 * clients that leave, all the time. Nothing of that may cost anybody a request: what is not answered 200 is told with the
 * lines that the log has around that moment. Memory and descriptors are told as they go, for the eye to see a leak.
 */
import { readdirSync, readFileSync } from "node:fs";
import { startServer, type Server } from "../test/support/binary.ts";
import { freePort } from "../test/support/folder.ts";
import { probeApp, site } from "../test/support/toml.ts";
import { type Address, Client, field } from "../test/support/wire.ts";

const MINUTES_DEFAULT = 5;
const REPORT_MS = 15_000;
const LOG_LINES = 12;

interface Miss {
  readonly at: Date;
  readonly what: string;
  readonly log: readonly string[];
}

type Turn = (address: Address, turn: number) => Promise<void>;

/** Who asks for what: so many connections each. */
const CROWD: readonly (readonly [connections: number, turn: Turn])[] = [
  [4, (address) => expectOk(address, get("/hello"))],
  [2, (address) => expectOk(address, post("/digest", Buffer.alloc(300_000, "d")))],
  [2, (address) => expectOk(address, post("/echo", Buffer.alloc(20_000, "e")))],
  [2, (address) => expectOk(address, get("/large?bytes=1000000"))],
  [1, (address) => expectOk(address, get("/stream?pieces=5&pause=0.05"))],
  [1, (address) => expectOk(address, get("/sleep?s=0.3"))],
  [1, slowReader],
  [6, streams],
  [2, leaves],
];

const get = (target: string) => Buffer.from(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
const post = (target: string, body: Buffer) =>
  Buffer.concat([
    Buffer.from(`POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ]);

async function expectOk(address: Address, request: Buffer): Promise<void> {
  const client = await Client.open(address);
  try {
    client.send(request);
    const answer = await client.answer();
    const what = request.subarray(0, request.indexOf("\r\n")).toString();
    if (answer.status !== 200)
      throw new Error(`${what}: ${answer.status}, ${field(answer, "X-Request-Id") ?? "no id"}`);
  } finally {
    client.close();
  }
}

async function slowReader(address: Address): Promise<void> {
  const client = await Client.open(address);
  try {
    client.pause();
    client.send(get("/large?bytes=3000000"));
    await Bun.sleep(1000);
    client.resume();
    const { status, body } = await client.answer();
    if (status !== 200 || body.length !== 3_000_000) throw new Error(`slow reader: ${status}, ${body.length} bytes`);
  } finally {
    client.close();
  }
}

/** What `/large` is made of. */
const PATTERN = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

/** Several on a connection, two at a time, and every byte of them looked at. */
async function streams(address: Address, turn: number): Promise<void> {
  const client = await Client.open(address);
  try {
    for (let number = 1; number < 9; number++) {
      const bytes = 100_000 + ((turn * 7919 + number * 104_729) % 1_900_000);
      const request = get(`/large?bytes=${bytes}`);
      client.send(Buffer.concat([request, request]));
      for (const which of ["first", "second"]) {
        const { status, body } = await client.answer();
        if (status !== 200 || !body.equals(Buffer.alloc(bytes, PATTERN)))
          throw new Error(`stream of ${bytes} bytes, ${which} of two: ${status}, ${body.length} bytes`);
      }
    }
  } finally {
    client.close();
  }
}

/** In the request, before the reply, within it. */
async function leaves(address: Address, turn: number): Promise<void> {
  const request = [post("/digest", Buffer.alloc(9000)).subarray(0, 5000), get("/sleep?s=0.1"), get("/large")][turn % 3];
  const client = await Client.open(address);
  client.send(request as Buffer);
  await Bun.sleep(turn % 50);
  client.close();
}

class Soak {
  private readonly server: Server;
  private readonly address: Address;
  private readonly misses: Miss[] = [];
  private readonly endMs: number;
  private turns = 0;
  private reloads = 0;

  constructor(server: Server, address: Address, minutes: number) {
    this.server = server;
    this.address = address;
    this.endMs = performance.now() + minutes * 60_000;
  }

  private get goesOn(): boolean {
    return performance.now() < this.endMs;
  }

  async run(): Promise<number> {
    const crowd = CROWD.flatMap(([connections, turn]) => Array.from({ length: connections }, () => this.repeat(turn)));
    await Promise.all([...crowd, this.reload(), this.report()]);
    console.log(`soak: ${this.turns} requests, ${this.reloads} reloads, ${this.misses.length} not as they should be`);
    for (const { at, what, log } of this.misses) console.log(`\n${at.toISOString()} ${what}\n${log.join("\n")}`);
    return this.misses.length;
  }

  private async repeat(turn: Turn): Promise<void> {
    for (let number = 0; this.goesOn; number++) {
      try {
        await turn(this.address, number);
      } catch (error) {
        await this.missed(error instanceof Error ? error.message : String(error));
      }
      this.turns++;
    }
  }

  /** With what the log says of it, a moment later too. */
  private async missed(what: string): Promise<void> {
    const at = new Date();
    await Bun.sleep(1000);
    this.misses.push({ at, what, log: this.server.log.trimEnd().split("\n").slice(-LOG_LINES) });
  }

  private async reload(): Promise<void> {
    while (this.goesOn) {
      const { code, stderr } = await this.server.command("reload");
      if (code !== 0) await this.missed(`reload: ${code}, ${stderr}`);
      this.reloads++;
      await Bun.sleep(Math.random() * 8000);
    }
  }

  private async report(): Promise<void> {
    while (this.goesOn) {
      await Bun.sleep(REPORT_MS);
      const { pid } = this.server;
      const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) / 1024;
      const fds = readdirSync(`/proc/${pid}/fd`).length;
      const processes = this.server.children().length;
      console.log(
        `soak: ${this.turns} requests, ${this.reloads} reloads, ${this.misses.length} missed; server ${rss.toFixed(0)} MiB, ${fds} descriptors, ${processes} processes`,
      );
    }
  }
}

async function main(): Promise<void> {
  const minutes = Number(process.env["SOAK_MINUTES"] ?? MINUTES_DEFAULT);
  const port = await freePort();
  const app = probeApp({ processes: 3, threads: 3, app: 'max_requests = 2000\nrequest_timeout = "20s"' });
  const server = await startServer(`[server]\nfronts = 2\n${app}${site(`127.0.0.1:${port}`)}`);
  try {
    process.exitCode = (await new Soak(server, { host: "127.0.0.1", port }, minutes).run()) === 0 ? 0 : 1;
  } finally {
    await server.dispose();
  }
}

await main();
