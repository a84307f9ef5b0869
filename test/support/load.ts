/**
 * A load generator for tests: `connections` keep-alive connections that ask for one target again and again, until told
 * to stop. It counts statuses and failures; a connection that fails is counted and opened anew. Not for measuring speed.
 */
import { Client, type Address } from "./wire.ts";

export interface LoadOptions {
  readonly address: Address;
  readonly connections: number;
  /** The request of turn `n` of a connection. */
  readonly request: (turn: number) => string;
}

export interface LoadCounts {
  /** Replies by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Connections that ended before the reply did, with why. */
  readonly failures: readonly string[];
  readonly replies: number;
}

export class Load {
  private readonly options: LoadOptions;
  private readonly statuses: Record<number, number> = {};
  private readonly failures: string[] = [];
  private readonly runners: Promise<void>[];
  private running = true;
  private replies = 0;

  constructor(options: LoadOptions) {
    this.options = options;
    this.runners = Array.from({ length: options.connections }, () => this.run());
  }

  get counts(): LoadCounts {
    return { statuses: { ...this.statuses }, failures: [...this.failures], replies: this.replies };
  }

  /** Lets the requests in flight finish. */
  async stop(): Promise<LoadCounts> {
    this.running = false;
    await Promise.all(this.runners);
    return this.counts;
  }

  private async run(): Promise<void> {
    let client: Client | undefined;
    for (let turn = 0; this.running; turn++) {
      try {
        client ??= await Client.open(this.options.address);
        client.send(this.options.request(turn));
        const answer = await client.answer();
        this.statuses[answer.status] = (this.statuses[answer.status] ?? 0) + 1;
        this.replies++;
        if (client.end !== "open" || /close/i.test(connection(answer.fields))) client = shut(client);
      } catch (error) {
        this.failures.push(error instanceof Error ? error.message : String(error));
        client = shut(client);
        await Bun.sleep(10);
      }
    }
    shut(client);
  }
}

function connection(fields: readonly (readonly [string, string])[]): string {
  return fields.find(([name]) => name.toLowerCase() === "connection")?.[1] ?? "";
}

function shut(client: Client | undefined): undefined {
  client?.close();
  return undefined;
}
