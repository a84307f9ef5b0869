/** `server run`: loads the configuration and serves in the foreground until it is told to stop. */
import { CONFIG_OPTION, type Command, EXIT_USAGE } from "./command.ts";

export const RUN: Command = {
  name: "run",
  summary: "Serve in the foreground",
  usage: "[-c FILE]",
  doc: "Serves until TERM or INT, then finishes the requests in flight; a second signal stops at once. HUP reads the configuration and loads the code of all apps anew.",
  options: { config: CONFIG_OPTION },
  positionalsMax: 0,
  async run(given, terminal) {
    // Imported only here: version and help start without loading the reader of configurations, or the server.
    const { readConfiguration } = await import("./configuration.ts");
    const { config } = readConfiguration(given, terminal);
    if (config === undefined) return EXIT_USAGE;
    const { runMaster } = await import("../master/master.ts");
    return runMaster(config);
  },
};
