/** `server dev`: one command for development in a project's folder. What it serves is dev-plan.ts; here its words. */
import { resolve } from "node:path";
import { type Command, EXIT_FAILED, type Given, type Option, type Terminal } from "./command.ts";
import { columnsOfStdout } from "./terminal.ts";
import { LISTEN_OPTION, listOf, PRINT_OPTION, textOf } from "./quick-options.ts";

const text = (short: string, value: string, doc: string): Option => ({ type: "string", short, value, doc });

export const DEV: Command = {
  name: "dev",
  summary: "Serve the project in this folder for development",
  usage: "[FOLDER] [--listen ADDRESS]… [--settings MODULE] [--app MODULE:CALLABLE] [--python PYTHON] [--print]",
  doc:
    "Finds the project (Django's, or another WSGI application's) and its interpreter, and serves it on 127.0.0.1:8000, or " +
    "the next port that is free. Code and templates are loaded anew when they change; static files come from where Django's " +
    "finders find them, without collectstatic. A project that cannot be imported is waited for until it is mended. No " +
    "server.toml is read or written.",
  options: {
    listen: {
      ...LISTEN_OPTION,
      doc: "Where it listens: 8000 (every address of the machine), 127.0.0.1:9000; several times.",
    },
    settings: text(
      "s",
      "MODULE",
      "Django's settings, such as mysite.settings.dev; as wsgi.py names them unless given.",
    ),
    app: text("a", "MODULE:CALLABLE", "The application, where it is not the one that is found."),
    python: text("P", "PYTHON", "The virtualenv or interpreter, where it is not the one that is found."),
    print: PRINT_OPTION,
  },
  positionalsMax: 1,
  async run(given, terminal) {
    const { here } = await import("../machine/here.ts");
    const { lookAtProject } = await import("../setup/facts.ts");
    const { runningForOwner } = await import("../setup/owner.ts");
    const { DevProblem, findProject, planFor } = await import("./dev-plan.ts");
    const { readyText } = await import("./dev-text.ts");
    const surroundings = here(terminal.environment);
    const folder = resolve(terminal.folder, given.positionals[0] ?? ".");
    try {
      const project = findProject(surroundings, folder, textOf(given, "app"));
      const python = pythonOf(given, terminal);
      const its = runningForOwner(surroundings, process.geteuid?.() ?? 0, project.root);
      const facts = await lookAtProject(its, project, { python, settings: textOf(given, "settings") });
      const wish = {
        folder: terminal.folder,
        listen: listOf(given, "listen"),
        settings: textOf(given, "settings"),
        isRoot: process.geteuid?.() === 0,
      };
      const dev = planFor(surroundings.files, facts, wish);
      const { serveQuickly } = await import("./quick.ts");
      // A successor has the port that is free now, not another one.
      const port = wish.listen.length > 0 ? [] : ["--listen", ...dev.listen];
      const columns = columnsOfStdout();
      const print = given.options["print"] === true;
      const tell = () => terminal.stdout(readyText(facts, dev, terminal.colour.stdout, columns));
      return await serveQuickly(
        { words: ["dev", ...given.words, ...port], plan: dev.plan, source: optionOf, print, tell },
        terminal,
      );
    } catch (error) {
      if (!(error instanceof DevProblem)) throw error;
      terminal.stderr(`server dev: ${error.message}\n`);
      return EXIT_FAILED;
    }
  },
};

function pythonOf(given: Given, { folder }: Terminal): string | undefined {
  const written = textOf(given, "python");
  if (written === undefined) return undefined;
  return written.includes("/") || !Bun.which(written) ? resolve(folder, written) : (Bun.which(written) ?? written);
}

function optionOf(key: string): string {
  if (key.endsWith(".listen")) return "--listen";
  if (key.endsWith(".wsgi")) return "--app";
  return key.endsWith(".python") ? "--python" : key;
}
