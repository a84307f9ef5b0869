/** `server man [server.toml]`: prints a manual page. What stands in them is man-pages.ts. */
import { type Command, EXIT_OK, EXIT_USAGE } from "./command.ts";

const PAGES = ["server", "server.toml"] as const;

export const MAN: Command = {
  name: "man",
  summary: "Print the manual page server(1) or server.toml(5)",
  usage: "[server | server.toml]",
  doc:
    "To read: server man | man -l -. To keep: server man > /usr/local/share/man/man1/server.1, and " +
    "server man server.toml > /usr/local/share/man/man5/server.toml.5.",
  options: {},
  positionalsMax: 1,
  words: PAGES,
  async run({ positionals: [page = "server"], commands }, terminal) {
    const { commandsPage, filePage } = await import("./man-pages.ts");
    if (page === "server") terminal.stdout(commandsPage(commands));
    else if (page === "server.toml") terminal.stdout(filePage());
    else {
      terminal.stderr(`server man: there is no page ${JSON.stringify(page)}; known: ${PAGES.join(", ")}\n`);
      return EXIT_USAGE;
    }
    return EXIT_OK;
  },
};
