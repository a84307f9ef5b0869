/** The limits of connections and what they hold, as they reach the configuration. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";

const MIB = 1024 * 1024;

function limitsOf(settings: string) {
  const folder = mkdtempSync(join(tmpdir(), "server-limits-"));
  const file = join(folder, "server.toml");
  writeFileSync(file, `[server]\n${settings}\n[[site]]\nlisten = 8000\nroutes = { "/" = { respond = "" } }\n`);
  const { config, problems } = loadConfig(file, {}, { cores: 2, ipv6: false });
  rmSync(folder, { recursive: true });
  expect(problems).toEqual([]);
  return config?.server.limits;
}

test("without a word every limit has its default", () => {
  expect(limitsOf("")).toMatchObject({
    keepaliveAgeMaxMs: 3_600_000,
    pipelinedMax: 1000,
    bodyRateMin: 240,
    sendRateMin: 240,
    connectionsMax: 16_384,
    connectionsPerAddressMax: 0,
    spoolMemoryBytesMax: 128 * MIB,
    spoolDiskBytesMax: 10 * 1024 * MIB,
  });
});

test("every limit can be set, each to a value of its own", () => {
  const settings = `
keepalive_max_age = "2h"
max_pipelined_requests = 50
min_body_rate = 500
min_send_rate = 0
max_connections = 5000
max_connections_per_address = 100
spool_memory = "64MiB"
spool_disk = "1GiB"`;
  expect(limitsOf(settings)).toMatchObject({
    keepaliveAgeMaxMs: 7_200_000,
    pipelinedMax: 50,
    bodyRateMin: 500,
    sendRateMin: 0,
    connectionsMax: 5000,
    connectionsPerAddressMax: 100,
    spoolMemoryBytesMax: 64 * MIB,
    spoolDiskBytesMax: 1024 * MIB,
  });
});
