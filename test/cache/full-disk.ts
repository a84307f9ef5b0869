/** Run by full-disk.test.ts, as a process whose files cannot grow: writes of a disk cache fail half-way. Prints what came of it. */
import { DiskStage, fetchPage } from "./disk-stage.ts";

const stage = new DiskStage(process.argv[2] ?? "");
const cache = await stage.open({ bytesMax: 1024 * 1024 * 1024 });
const huge = "y".repeat(400_000);
const said: string[] = [];
for (let n = 0; n < 3; n++) {
  said.push((await fetchPage(cache, `/${n}`, huge)).slice(0, 6));
  await cache.disk.flush(5000);
}
const paused = cache.disk.count;
cache.nowMs += 20_000;
await fetchPage(cache, "/small", "z".repeat(5_000));
await cache.disk.flush(5000);
const small = await fetchPage(cache, "/small", "new");
console.log(
  JSON.stringify({ said, paused, small: small.slice(0, 5), files: stage.files.length, logged: stage.logged }),
);
