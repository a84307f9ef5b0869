/** The access log of a server in the background, which goes to its output: `server logs` finds it there. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlHome, E2E_TIMEOUT_MS, runServer } from "../support/binary.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { isAlive, processAt } from "../support/processes.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const folder = makeFolder("logs-output");
const env = { ...controlHome(folder), SERVER_RUN_AS_ROOT: "1" };
const command = (...words: string[]) => runServer(words, folder, env);

afterAll(async () => {
  await command("stop", "--now");
  removeFolder(folder);
});

test.each(["server.log", "elsewhere.txt"])("requests are found in %s, and filtered", async (output) => {
  const port = await freePort();
  writeFileSync(
    join(folder, "server.toml"),
    `[[site]]\nlisten = "127.0.0.1:${port}"\n[site.routes]\n"= /here" = { respond = "x" }\n`,
  );
  expect(await command("start", "--output", output)).toMatchObject({ code: 0 });
  const { pid } = JSON.parse((await command("status", "--json")).stdout) as { pid: number };
  const running = processAt(pid);
  for (const path of ["/here", "/nowhere"]) await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  await until("its line", 10_000, () => readFileSync(join(folder, output), "utf8").includes("/nowhere"));
  const paths = async (...words: string[]) => {
    const { stdout, stderr, code } = await command("logs", ...words);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    return stdout
      .trim()
      .split("\n")
      .map((line) => /GET (\S+)|serving/.exec(line)?.[1] ?? line);
  };
  expect(await paths("--access")).toEqual(["/here", "/nowhere"]);
  expect(await paths("--status", "4xx", "--since", "1h")).toEqual(["/nowhere"]);
  expect(await paths()).toEqual(expect.arrayContaining(["/here", "/nowhere", expect.stringContaining("serving")]));
  expect(await command("stop")).toMatchObject({ code: 0 });
  await until("its end", 10_000, () => running === undefined || !isAlive(running));
  // What is at hand without a server: where `server start` writes unless it is told otherwise.
  const after = await command("logs", "--access");
  if (output === "server.log") expect(after.stdout).toContain("/nowhere");
  expect(after.stdout).not.toContain("serving");
});
