/** Files and proxying again, by one thread against one worker, no access log: what a request costs, and what the bars are of. */
import { ONE_THREAD } from "../peers/peer.ts";
import { coldFilesWarmServer, FILE_ROWS, LARGE_READS } from "./files.ts";
import { PROXY_ROWS } from "./proxy.ts";
import { CPU, MEGABYTES, P99, type Row } from "./row.ts";

/** By the rows' ids. Of nginx's requests per CPU second 1.25 times are 0.8 of its CPU per request. */
const BARS: Readonly<Record<string, NonNullable<Row["bar"]>>> = {
  fixed: { key: CPU.key, atMost: 1 },
  "1k": { key: CPU.key, atMost: 1 / 1.25 },
  "16k": { key: CPU.key, atMost: 1 / 1.1 },
  "1m": { key: MEGABYTES.key, atLeast: 1.3 },
  "1m-read": { key: MEGABYTES.key, atLeast: 1.3 },
  "100m": { key: MEGABYTES.key, atLeast: 1.3 },
  "100m-read": { key: MEGABYTES.key, atLeast: 1.3 },
  many: { key: CPU.key, atMost: 1 },
  "many-cold": { key: CPU.key, atMost: 1 },
  proxy: { key: CPU.key, atMost: 1 / 1.1 },
  "proxy-paced": { key: P99.key, atMost: 1.2 },
  "proxy-1m": { key: CPU.key, atMost: 1 / 1.3 },
  uwsgi: { key: CPU.key, atMost: 1 },
  websocket: { key: CPU.key, atMost: 1 },
};

/** What is to be known of nginx beside its figures. */
const NOTES: Readonly<Record<string, string>> = {
  "proxy-1m":
    "nginx has its own proxy_buffers (64 KiB) here, and in proxy-1m 16 of 64 KiB. With those it needed 0.90 of our processor time by one thread, too, on 2 cores of an AMD EPYC",
};

/** Until the compiler has done with the path of a row; it does not come back. */
const WARM_UP_SECONDS = 5;

export const ONE_ROWS: readonly Row[] = [...FILE_ROWS, ...LARGE_READS, ...PROXY_ROWS].flatMap((row) => {
  const bar = BARS[row.id];
  if (bar === undefined) return [];
  const { isQuick: _, ...rest } = row.id === coldFilesWarmServer.id ? coldFilesWarmServer : row;
  const title = `${rest.title}; one thread`;
  return [
    {
      ...rest,
      id: `one-${row.id}`,
      title,
      group: "one",
      shape: ONE_THREAD,
      warmUpSeconds: WARM_UP_SECONDS,
      bar,
      ...(NOTES[row.id] === undefined ? {} : { note: NOTES[row.id] }),
    } as const,
  ];
});
