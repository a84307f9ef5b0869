/** `server cache purge`: has a running server forget replies that it keeps. What it keeps, `server status` tells. */
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./command.ts";

export const CACHE: Command = {
  name: "cache",
  summary: "Forget kept replies: server cache purge URL | 'URL*' | all",
  usage: "purge URL | 'URL*' | all [-c FILE]",
  doc:
    "What is kept of this URL (with its query, under whatever key), of all URLs that begin like this, or everything is " +
    "forgotten by every front before the command ends, in memory and on disk; replies that are on their way are not kept. " +
    "Scheme and port do not count. server status shows what is kept. Exits 1 when no server runs or not all of it could " +
    "be reached.",
  options: { config: CONFIG_OPTION },
  positionalsMax: 2,
  words: ["purge"],
  async run(given, terminal) {
    const { configurationPath } = await import("./configuration.ts");
    const { ask, NoAnswer } = await import("./control-client.ts");
    const [action, url] = given.positionals;
    if (action !== "purge" || url === undefined) {
      terminal.stderr("server cache: say what is to be forgotten: server cache purge URL | 'URL*' | all\n");
      return EXIT_USAGE;
    }
    try {
      const request = { command: "purge", url };
      const { forgotten } = (await ask(configurationPath(given, terminal), request, () => {})) as { forgotten: number };
      terminal.stdout(`${forgotten} kept ${forgotten === 1 ? "reply" : "replies"} forgotten\n`);
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      terminal.stderr(`server: ${error.message}\n`);
      return error.message.startsWith("url ") ? EXIT_USAGE : EXIT_FAILED;
    }
  },
};
