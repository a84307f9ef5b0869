/** `server setup` in a terminal of its own, in projects of one folder; the server behind it, the page it serves. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { chooseDjango } from "../../scripts/sample/django.ts";
import { controlHome, runServer } from "./binary.ts";
import { makeDjangoProject } from "./django-project.ts";
import { freePort, makeFolder, removeFolder } from "./folder.ts";
import { TerminalScreen } from "./screen.ts";

/** Root is asked as whom the project runs; where that is not what a test is about, root it is. */
export const IS_ROOT = process.getuid?.() === 0;
export const AS = IS_ROOT ? ["--user", "root"] : [];

export class SetupStage {
  readonly home = makeFolder("setup");
  readonly django = chooseDjango(process.env["DJANGO_FROM"], () => {});
  readonly env = { ...controlHome(this.home), VIRTUAL_ENV: "" };
  port = "";
  private screen: TerminalScreen | undefined;

  async begin(): Promise<void> {
    this.port = String(await freePort());
  }

  /** After each test. */
  close(): void {
    this.screen?.close();
    this.screen = undefined;
  }

  async end(): Promise<void> {
    // Where a test failed before it stopped its server.
    for (const name of readdirSync(this.home)) await this.server(join(this.home, name), "stop", "--now");
    removeFolder(this.home);
  }

  readonly open = (
    folder: string,
    words: readonly string[],
    more: Partial<ConstructorParameters<typeof TerminalScreen>[0]> = {},
  ): TerminalScreen => {
    const env = { ...this.env, ...more.env };
    this.screen = new TerminalScreen({ words: ["setup", ...words], folder, ...more, env });
    return this.screen;
  };

  readonly startproject = (name: string): string => makeDjangoProject(join(this.home, name), this.django);

  readonly server = (folder: string, ...words: readonly string[]) => runServer(words, folder, this.env);

  /** `200 ` and the beginning of the page. */
  readonly page = async (path: string, host = "shop.test"): Promise<string> => {
    const { port } = this;
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { host: `${host}:${port}` } });
    return `${answer.status} ${(await answer.text()).slice(0, 4000)}`;
  };
}
