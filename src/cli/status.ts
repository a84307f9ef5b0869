/** `server status`: what a running server does, for people or as JSON. How it looks is status-text.ts. */
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK } from "./command.ts";
import type { ServerStatus } from "./status-text.ts";

export const STATUS: Command = {
  name: "status",
  summary: "Show what a running server does",
  usage: "[-c FILE] [--json]",
  doc: "Listeners, sites, apps with their workers, services, timed commands, upstreams, caches, limits that were hit. Exits 1 when no server runs.",
  options: {
    config: CONFIG_OPTION,
    json: { type: "boolean", short: "j", value: "", doc: "Prints JSON; the keys are described in docs/control.md." },
  },
  positionalsMax: 0,
  async run(given, terminal) {
    const { configurationPath } = await import("./configuration.ts");
    const { ask, NoAnswer, printable } = await import("./control-client.ts");
    const { statusText } = await import("./status-text.ts");
    try {
      const status = await ask(configurationPath(given, terminal), { command: "status" }, () => {});
      const text = statusText(status as ServerStatus, new Date());
      terminal.stdout(given.options["json"] === true ? `${JSON.stringify(status, null, 2)}\n` : printable(text));
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      terminal.stderr(`server: ${error.message}\n`);
      return EXIT_FAILED;
    }
  },
};
