/** A master for the test that kills one: starts an app, makes a worker hold the GIL, prints the pids, waits. */
import { Rig } from "./rig.ts";

const rig = new Rig({ processes: 2, threads: 2 });
await rig.supervisor.start();
const child = (await rig.get("/spawn_child")).reply.text;
rig.ask({ path: "/hold_lock" });
const pids = rig.supervisor.status().workers.map((worker) => worker.pid);
await rig.until(() => rig.supervisor.status().workers.some((w) => w.threads.some((t) => t.runningMs !== undefined)));
console.log(JSON.stringify([...pids, Number(child)]));
await Bun.sleep(3_600_000);
