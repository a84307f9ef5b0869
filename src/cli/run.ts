/** `server run`: loads the configuration and serves in the foreground until it is told to stop. */
import { CONFIG_OPTION, type Command, EXIT_USAGE } from "./command.ts";

export const RUN: Command = {
  name: "run",
  summary: "Serve in the foreground",
  usage: "[-c FILE]",
  doc: "Serves until TERM or INT, then finishes the requests in flight; a second signal stops at once. HUP reads the configuration and loads the code of all apps anew, USR2 hands over to a process of the binary as it is now.",
  options: { config: CONFIG_OPTION },
  positionalsMax: 0,
  async run(given, terminal) {
    // Imported only here: version and help start without loading the reader of configurations, or the server.
    const { collectAlone } = await import("../os/collector.ts");
    collectAlone();
    const { Inheritance } = await import("../master/handover.ts");
    const inheritance = Inheritance.take();
    const { readConfiguration } = await import("./configuration.ts");
    let said = "";
    const stderr = (text: string) => {
      said += text;
      terminal.stderr(text);
    };
    const { config } = readConfiguration(given, { ...terminal, stderr });
    if (config === undefined) {
      inheritance?.failedToStart(said.trimEnd());
      return EXIT_USAGE;
    }
    const { runMaster } = await import("../master/master.ts");
    return runMaster(config, { inheritance, successor: ["run", "-c", config.file] });
  },
};
