/** Proxying: http and uwsgi upstreams, compression on the fly, WebSockets. The CPU is the proxy's alone. */
import { type Answer, field } from "../../../test/support/wire.ts";
import { converse } from "../load/conversations.ts";
import { MEGABYTE, PAGE_BYTES } from "../scenes/scene.ts";
import { cpuMs, type Subject } from "../subject.ts";
import { closedRow, pacedRow } from "./closed.ts";
import { hasLength, holds, type How, MEGABYTES, type Metric, type Row, type Sample } from "./row.ts";

const proxy = { group: "proxy", scene: "proxy", needs: "proxy" } as const;
const small = { path: "/small", wrong: holds("Hello, world!") };
const CONVERSATIONS = 200;

const comesAs = (coding: "gzip" | "zstd") => (answer: Answer) => {
  const got = field(answer, "Content-Encoding") ?? "identity";
  if (got !== coding) return `it came as ${got}`;
  const unpack = { gzip: Bun.gunzipSync, zstd: Bun.zstdDecompressSync }[coding];
  const bytes = unpack(new Uint8Array(answer.body)).length;
  return bytes === PAGE_BYTES ? undefined : `${bytes} bytes instead of ${PAGE_BYTES}`;
};

const MESSAGES: readonly Metric[] = [
  { key: "perSecond", title: "messages/s", better: "more", digits: 0 },
  { key: "cpuUs", title: "µs CPU/message", better: "less", digits: 1 },
];

async function echoes(subject: Subject, { seconds }: How): Promise<Sample> {
  const { port } = subject.place;
  const clients = await Promise.all(Array.from({ length: CONVERSATIONS }, () => converse(port)));
  const count = () => clients.reduce((sum, client) => sum + client.messages(), 0);
  const [before, cpuBefore] = [count(), cpuMs(subject)];
  await Bun.sleep(seconds * 1000);
  const [messages, spentMs] = [count() - before, cpuMs(subject) - cpuBefore];
  for (const client of clients) client.close();
  if (messages === 0) throw new Error("no message came back");
  return { perSecond: messages / seconds, cpuUs: (spentMs * 1000) / messages, errors: 0 };
}

export const PROXY_ROWS: readonly Row[] = [
  closedRow({
    ...proxy,
    id: "proxy",
    title: "reverse proxy, a small reply",
    connections: 32,
    isQuick: true,
    ...small,
  }),
  pacedRow({ ...proxy, id: "proxy-paced", title: "reverse proxy at 2,000 requests/s", perSecond: 2000, ...small }),
  closedRow({
    ...proxy,
    id: "proxy-1m",
    title: "reverse proxy, 1 MiB",
    path: "/large",
    connections: 32,
    first: MEGABYTES,
    wrong: hasLength(MEGABYTE),
  }),
  closedRow({
    ...proxy,
    id: "uwsgi",
    title: "uwsgi_pass to a uWSGI",
    needs: "uwsgi",
    path: "/uwsgi",
    connections: 32,
    isQuick: true,
    wrong: holds("Hello, World!"),
  }),
  closedRow({
    ...proxy,
    id: "gzip",
    title: "30 KB page, gzip on the fly",
    needs: "gzip",
    path: "/page/page.html",
    connections: 32,
    fields: ["Accept-Encoding: gzip"],
    wrong: comesAs("gzip"),
    note: "level 5 of each that has levels",
  }),
  closedRow({
    ...proxy,
    id: "zstd",
    title: "30 KB page, zstd on the fly",
    needs: "zstd",
    path: "/page/page.html",
    connections: 32,
    fields: ["Accept-Encoding: zstd"],
    wrong: comesAs("zstd"),
  }),
  {
    ...proxy,
    id: "websocket",
    title: "WebSocket echo, 200 connections",
    scene: "websocket",
    needs: "websocket",
    isQuick: true,
    metrics: MESSAGES,
    judgedBy: ["cpuUs"],
    note: "upstream and clients are one process, which is the bound of messages/s",
    check: async ({ place }) => void (await converse(place.port)).close(),
    measure: echoes,
  },
];
