/** `server version`: this program, the runtime inside it and the machine it was built for. */
import { name, version } from "../../package.json";
import { type Command, EXIT_OK } from "./command.ts";

export function versionLine(): string {
  return `${name} ${version} (bun ${Bun.version}, ${process.platform} ${process.arch})`;
}

export const VERSION: Command = {
  name: "version",
  summary: "Show the version",
  usage: "",
  doc: "Also: server --version, server -V.",
  options: {},
  positionalsMax: 0,
  run(_given, terminal) {
    terminal.stdout(`${versionLine()}\n`);
    return EXIT_OK;
  },
};
