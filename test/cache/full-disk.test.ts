import { expect, test } from "bun:test";
import { join } from "node:path";
import { makeFolder, removeFolder } from "../support/folder.ts";

/** In the shell's blocks of 512 or 1024 bytes. The signal that would end the process is ignored, so write(2) fails instead. */
const LIMITED = 'trap "" XFSZ; ulimit -f 100; exec "$0" "$@"';

test("a full disk: clients are answered, nothing half is left, it is said once, and later it goes on", async () => {
  const folder = makeFolder("full-disk-cache");
  const script = join(import.meta.dir, "full-disk.ts");
  const child = Bun.spawn(["sh", "-c", LIMITED, process.execPath, script, folder], { stderr: "inherit" });
  try {
    const found = JSON.parse(await new Response(child.stdout).text());
    expect(found.said).toEqual(["MISS y", "MISS y", "MISS y"]);
    expect([found.paused, found.small, found.files]).toEqual([0, "HIT z", 1]);
    expect(found.logged.length).toBe(2);
    expect(found.logged[0]).toContain("nothing is kept in");
    expect(found.logged[1]).toContain("can be written to again");
  } finally {
    child.kill();
    await child.exited;
    removeFolder(folder);
  }
});
