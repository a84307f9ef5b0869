/** One of several threads that count in the same table: takes as often as it is told, and says how often it passed. */
import { type RateMemory, RateTable } from "../../src/exchange/rate-table.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<{ memory: RateMemory; requests: number }>) => {
  const { memory, requests } = event.data;
  const table = new RateTable(memory, { intervalUs: 3600e6, burst: 5000 });
  let passed = 0;
  for (let i = 0; i < requests; i++) if (table.take("the one key", 1e6) >= 0) passed++;
  postMessage(passed);
};
