import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** In the shell's blocks of 512 or 1024 bytes: between 50 and 100 KiB, which is no multiple of the chunks. The signal
 *  that would end the process is ignored, so write(2) fails instead. */
const LIMITED = 'trap "" XFSZ; ulimit -f 100; exec "$0" "$@"';

test("a full disk fails a request body, and costs a reply no byte", async () => {
  const directory = mkdtempSync(join(tmpdir(), "full-"));
  const script = join(import.meta.dir, "full-disk.ts");
  const child = Bun.spawn(["sh", "-c", LIMITED, process.execPath, script, directory], { stderr: "inherit" });
  try {
    const found = JSON.parse(await new Response(child.stdout).text());
    expect(found.body.why).toBe("storage");
    expect(found.body.detail).toMatch(/EFBIG|ENOSPC/);
    expect(found.body.collected).toBeUndefined();
    expect(found.body.replyState).toBe("waiting");
    expect(found.body.open).toBe(0);
    expect(found.reply).toEqual({ paused: 1, resumed: 1, openWhileHeld: 1, same: true, state: "finished", open: 0 });
  } finally {
    child.kill();
    await child.exited;
    rmSync(directory, { recursive: true });
  }
});
