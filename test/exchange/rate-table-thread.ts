/** One of several threads that count in the same table: takes as often as it is told, and says how often it passed. */
import { type RateMemory, RateTable } from "../../src/exchange/rate-table.ts";

declare const self: Worker;

interface Orders {
  readonly memory: RateMemory;
  readonly requests: number;
  /** Each request is for a key of its own, and is made by so many threads at the same moment, which they count here. */
  readonly together?: { readonly gate: SharedArrayBuffer; readonly threads: number };
}

self.onmessage = (event: MessageEvent<Orders>) => {
  const { memory, requests, together } = event.data;
  const table = new RateTable(memory, { intervalUs: 3600e6, burst: together === undefined ? 5000 : 0 });
  let passed = 0;
  for (let i = 0; i < requests; i++) {
    if (together !== undefined) meet(together, i + 1);
    if (table.take(together === undefined ? "the one key" : `key ${i}`, 1e6) >= 0) passed++;
  }
  postMessage(passed);
};

function meet({ gate, threads }: NonNullable<Orders["together"]>, round: number): void {
  const arrived = new Int32Array(gate);
  Atomics.add(arrived, 0, 1);
  while (Atomics.load(arrived, 0) < round * threads);
}
