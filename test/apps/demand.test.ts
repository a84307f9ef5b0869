import { expect, test } from "bun:test";
import { Demand, FrontDemand } from "../../src/apps/demand.ts";

test("the rows of all fronts are summed up; a front that takes another's place begins its row anew", () => {
  const demand = new Demand(2);
  const [first, second] = [new FrontDemand(demand.memory, 0), new FrontDemand(demand.memory, 1)];
  first.set(3, 4);
  second.set(1, 0);
  first.oldestMs = 700;
  second.oldestMs = 200;
  first.refused();
  second.refused();
  const seen = () => [demand.waiting, demand.sent, demand.refused, demand.oldestMs];
  expect(seen()).toEqual([4, 4, 2, 700]);
  new FrontDemand(demand.memory, 0);
  expect(seen()).toEqual([1, 0, 2, 200]);
  second.set(0, 0);
  expect(demand.oldestMs).toBe(0);
});

test("the bell of any front wakes who listens, from other threads, too, until it is closed", async () => {
  const demand = new Demand(2);
  let rung = 0;
  demand.listen(() => rung++);
  new FrontDemand(demand.memory, 0).ring();
  while (rung < 1) await Bun.sleep(1);
  const path = new URL("../../src/apps/demand.ts", import.meta.url).href;
  const code = `self.onmessage = async (event) => {
    const { FrontDemand } = await import(${JSON.stringify(path)});
    new FrontDemand(event.data, 1).ring();
  };`;
  const thread = new Worker(URL.createObjectURL(new Blob([code])));
  thread.postMessage(demand.memory);
  while (rung < 2) await Bun.sleep(1);
  thread.terminate();
  demand.close();
  new FrontDemand(demand.memory, 0).ring();
  await Bun.sleep(20);
  expect(rung).toBe(2);
});
