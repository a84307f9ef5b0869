/** Names as they are resolved, by a name server in a network of the test's own. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { resolveName } from "../../src/net/resolve.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const folder = makeFolder("resolve");
afterAll(() => removeFolder(folder));
writeFileSync(join(folder, "resolv.conf"), "nameserver 127.0.0.53\n");
writeFileSync(join(folder, "hosts"), "192.0.2.99 in-hosts.example\n");

const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-c"];
const NETWORK = `ip link set lo up && mount --bind ${folder}/resolv.conf /etc/resolv.conf && mount --bind ${folder}/hosts /etc/hosts`;

function cannotUnshare(): string | undefined {
  const isAble = Bun.which("unshare") !== null && Bun.spawnSync([...UNSHARE, NETWORK]).exitCode === 0;
  return isAble ? undefined : "a process may not make a network of its own here";
}

test("an address is its own answer, whoever is asked", async () => {
  const own = { addresses: ["192.0.2.1"], ttlMs: Infinity };
  expect(await resolveName("192.0.2.1")).toEqual(own);
  expect(await resolveName("192.0.2.1", true)).toEqual(own);
});

testUnless(cannotUnshare())("what is asked afresh is not answered by what was kept for its TTL", async () => {
  const script = join(import.meta.dir, "resolve-afresh.ts");
  const child = Bun.spawn([...UNSHARE, `${NETWORK} && exec "$@"`, "sh", process.execPath, script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { heard, hosts, why } = JSON.parse(await new Response(child.stdout).text());
  const kept = { addresses: ["192.0.2.1", "2001:db8::7"], ttlMs: 300_000 };
  const fresh = (time: number) => ({ addresses: [`192.0.2.${time}`, "2001:db8::7"], ttlMs: 0 });
  expect(heard).toEqual([kept, kept, fresh(2), fresh(3)]);
  expect(hosts).toEqual({ addresses: ["192.0.2.99"], ttlMs: 0 });
  expect(why).toMatch(/^E[A-Z_]+$/);
});
