/** Exchanges without a connection: for tests of handlers. The reply is recorded; back-pressure is under test control. */
import { monotonicMs } from "../../src/base/clock.ts";
import type { BodyFailure, BodyReader, RequestBody } from "../../src/exchange/body.ts";
import { Exchange } from "../../src/exchange/exchange.ts";
import type { Producer, Reply, ReplyState } from "../../src/exchange/reply.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead, type RequestHead } from "../../src/protocol/http/message.ts";

export interface FakeRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly target?: string;
  readonly form?: RequestHead["form"];
  readonly host?: string;
  readonly minor?: 0 | 1;
  readonly fields?: readonly (readonly [string, string])[];
  /** Chunks; delivered one by one when read. */
  readonly body?: readonly Uint8Array[];
  readonly bodyLength?: number;
  readonly bodyFailure?: BodyFailure;
  readonly trailers?: readonly (readonly [string, string])[];
  readonly params?: ReadonlyMap<string, string>;
  /** The Upgrade field, when Connection names it. */
  readonly upgrade?: string;
}

export interface FakeExchange {
  readonly exchange: Exchange;
  readonly reply: RecordedReply;
  readonly body: FakeBody;
}

let nextId = 1;

export function fakeExchange(request: FakeRequest = {}): FakeExchange {
  const reply = new RecordedReply();
  const body = new FakeBody(request);
  const exchange = new Exchange({
    id: nextId++,
    head: fakeHead(request, body.length),
    peer: {
      remoteAddress: "127.0.0.1",
      remotePort: 40000,
      localAddress: "127.0.0.1",
      localPort: 8000,
      secure: false,
    },
    body,
    reply,
    protocol: `HTTP/1.${request.minor ?? 1}`,
    params: request.params,
    startedMs: monotonicMs(),
  });
  return { exchange, reply, body };
}

function fakeHead(request: FakeRequest, bodyLength: number): RequestHead {
  const path = request.path ?? "/";
  const query = request.query;
  return {
    method: request.method ?? "GET",
    target: request.target ?? (query === undefined ? path : `${path}?${query}`),
    form: request.form ?? "origin",
    path,
    rawPath: path,
    query,
    host: request.host ?? "localhost",
    hostPort: undefined,
    minor: request.minor ?? 1,
    fields: Fields.of(request.fields ?? []),
    bodyLength,
    persistent: true,
    expectsContinue: false,
    upgrade: request.upgrade,
  };
}

export class FakeBody implements RequestBody {
  readonly length: number;
  private readonly chunks: Uint8Array[];
  private readonly failure: BodyFailure | undefined;
  private readonly trailers: Fields | undefined;
  private reader: BodyReader | undefined;
  private paused = false;
  private delivering = false;

  constructor(request: FakeRequest) {
    this.chunks = [...(request.body ?? [])];
    this.failure = request.bodyFailure;
    this.trailers = request.trailers === undefined ? undefined : Fields.of(request.trailers);
    const sum = this.chunks.reduce((total, chunk) => total + chunk.length, 0);
    this.length = request.bodyLength ?? sum;
  }

  read(reader: BodyReader): void {
    this.reader = reader;
    this.deliver();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.deliver();
  }

  private deliver(): void {
    if (this.delivering) return;
    this.delivering = true;
    while (!this.paused && this.reader !== undefined) {
      const chunk = this.chunks.shift();
      if (chunk !== undefined) this.reader.bodyData(chunk);
      else this.finish();
    }
    this.delivering = false;
  }

  private finish(): void {
    const { reader } = this;
    this.reader = undefined;
    if (this.failure !== undefined) reader?.bodyFailed(this.failure);
    else reader?.bodyEnd(this.trailers);
  }
}

export class RecordedReply implements Reply {
  state: ReplyState = "waiting";
  status = 0;
  producer: Producer | undefined;
  head: ReplyHead | undefined;
  readonly interims: ReplyHead[] = [];
  aborted: string | undefined;
  trailers: Fields | undefined;
  /** Set to true: data() takes the bytes but answers false, until `drain()`. */
  full = false;
  private readonly chunks: Buffer[] = [];
  private settled: (() => void) | undefined;
  /** Resolves when the reply is finished or aborted. */
  readonly over: Promise<void> = new Promise((resolve) => (this.settled = resolve));

  get content(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.content.toString("latin1");
  }

  header(lower: string): string | undefined {
    return this.head?.fields.get(lower);
  }

  whole(head: ReplyHead, content: Uint8Array): void {
    this.start(head);
    this.data(content);
    this.end();
  }

  start(head: ReplyHead): void {
    if (this.state !== "waiting") throw new Error(`start() of a reply that is ${this.state}`);
    this.state = "started";
    this.head = head;
    this.status = head.status;
  }

  data(bytes: Uint8Array): boolean {
    if (this.state === "gone") return true;
    if (this.state !== "started") throw new Error(`data() of a reply that is ${this.state}`);
    this.chunks.push(Buffer.from(bytes));
    return !this.full;
  }

  end(trailers?: Fields): void {
    if (this.state === "gone") return;
    this.trailers = trailers;
    if (this.state !== "started") throw new Error(`end() of a reply that is ${this.state}`);
    const announced = this.head?.length ?? LENGTH_UNKNOWN;
    this.state = "finished";
    this.producer = undefined;
    if (announced !== LENGTH_UNKNOWN && this.content.length < announced) this.aborted = "short";
    this.settled?.();
  }

  abort(why: string): void {
    this.aborted = why;
    this.state = "gone";
    this.settled?.();
  }

  interim(head: ReplyHead): void {
    this.interims.push(head);
  }

  drain(): void {
    this.full = false;
    this.producer?.drained();
  }

  /** The client leaves. */
  leave(): void {
    this.state = "gone";
    this.producer?.gone();
    this.settled?.();
  }
}
