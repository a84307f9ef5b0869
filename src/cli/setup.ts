/** `server setup`: from a project to a served site. What it does is the room `setup`; here its words. */
import { resolve } from "node:path";
import { type Command, EXIT_OK } from "./command.ts";

export const SETUP: Command = {
  name: "setup",
  summary: "Look at the project in this folder and write its server.toml",
  usage: "[FOLDER] --json",
  doc: "Shows what is seen of the machine and of the projects in FOLDER.",
  options: {
    json: { type: "boolean", short: "j", value: "", doc: "Prints what is seen as JSON, and ends." },
  },
  positionalsMax: 1,
  async run(given, terminal) {
    const { here } = await import("../machine/here.ts");
    const { findProjects } = await import("../project/project.ts");
    const { lookAtMachine, lookAtProject } = await import("../setup/facts.ts");
    const surroundings = here(terminal.environment);
    const folder = resolve(terminal.folder, given.positionals[0] ?? ".");
    const machine = lookAtMachine(surroundings, process.getuid?.() ?? 0);
    const projects = [];
    for (const project of findProjects(surroundings.files, folder))
      projects.push(await lookAtProject(surroundings, project));
    terminal.stdout(`${JSON.stringify({ folder, machine, projects }, null, 2)}\n`);
    return EXIT_OK;
  },
};
