/** To which apps a front lends the connections of its clients. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { ChannelOptions } from "../../src/apps/channel.ts";
import { loadConfig } from "../../src/config/load.ts";
import { assembleApp, type AppsContext } from "../../src/front/apps.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const folder = makeFolder("front-apps");
afterAll(() => removeFolder(folder));
const own = process.geteuid?.() ?? 0;

/** What the channel of an app with these lines is made with. */
function channelOptions(lines: string): ChannelOptions {
  const app = `[app.a]\nroot = ${JSON.stringify(folder)}\nwsgi = "app:application"\n${lines}\n`;
  const toml = `${app}[[site]]\nlisten = ["127.0.0.1:8000"]\n[site.routes]\n"/" = { app = "a" }\n`;
  writeFiles(folder, { "app.py": "application = None\n", "server.toml": toml });
  const { config, problems } = loadConfig(join(folder, "server.toml"), { SERVER_RUN_AS_ROOT: "1" });
  const [first] = config?.apps ?? [];
  if (config === undefined || first === undefined) throw new Error(JSON.stringify(problems));
  let given: ChannelOptions | undefined;
  const of = (_: number, options: ChannelOptions) => {
    given = options;
    return { options };
  };
  const context = { front: 0, pools: { a: { number: 1, queueFd: 0 } }, channels: { of }, limited: () => {} };
  try {
    assembleApp(first, config, context as unknown as AppsContext);
  } catch {
    // Of the channel this test has only what it was to be made with.
  }
  if (given === undefined) throw new Error("no channel was asked for");
  return given;
}

test.each([
  ["that runs as the server", "", false],
  ["whose user is the server's", `user = ${JSON.stringify(String(own))}`, false],
])("an app %s", (_, lines, isOthers) => {
  expect(channelOptions(lines).isOthers).toBe(isOthers);
});

testUnless(own === 0 ? undefined : "only root starts an app as somebody else")("an app of another user", () => {
  expect(channelOptions('user = "65534"').isOthers).toBe(true);
});
