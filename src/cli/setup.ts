/** `server setup`: from a project to a served site. What it does is the room `setup`; here are its words and its terminal. */
import { resolve } from "node:path";
import { isatty } from "node:tty";
import type { CertificateDetail } from "../master/certificates.ts";
import type { CertificateState } from "../setup/certificate.ts";
import type { Screen } from "../setup/screen.ts";
import type { Actions } from "../setup/steps.ts";
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";
import { columnsOfStdout } from "./terminal.ts";
import { givenAnswers, givenVariables, SETUP_OPTIONS } from "./setup-options.ts";

export const SETUP: Command = {
  name: "setup",
  summary: "From a project to a served site: looks, asks, writes server.toml, starts",
  usage: "[FOLDER] [--yes] [--dry-run] [--json]",
  doc:
    "Looks at the Django project, WSGI application or files in FOLDER, or this one, and at the machine; asks only what cannot be seen; shows all that " +
    "it would do, and does it when you agree: writes server.toml, collects static files, starts, and asks for a page. Every " +
    "answer can be given by an option; what has one is not asked.",
  options: SETUP_OPTIONS,
  positionalsMax: 1,
  async run(given, terminal) {
    const variables = givenVariables(given);
    if (typeof variables === "string") {
      terminal.stderr(`server setup: ${variables}\n`);
      return EXIT_USAGE;
    }
    const { here } = await import("../machine/here.ts");
    const surroundings = here(terminal.environment);
    const folder = resolve(terminal.folder, given.positionals[0] ?? ".");
    if (surroundings.files.kind(folder) !== "directory") {
      terminal.stderr(`server setup: ${folder} is no folder\n`);
      return EXIT_USAGE;
    }
    const { Looking } = await import("../setup/looking.ts");
    const written = given.options["output"];
    const interruption = new AbortController();
    const looking = new Looking({
      surroundings,
      folder,
      uid: process.getuid?.() ?? 0,
      output: typeof written === "string" ? resolve(terminal.folder, written) : undefined,
      variables,
      signal: interruption.signal,
      isRunning,
    });
    if (given.options["json"] === true) return showJson(looking, terminal);
    const { runWizard } = await import("../setup/wizard.ts");
    const canAsk = isatty(0) && isatty(1);
    const screen = await chooseScreen(given, terminal, canAsk);
    process.on("SIGINT", () => interruption.abort());
    const options = { given: givenAnswers(given), yes: given.options["yes"] === true, canAsk };
    const dryRun = given.options["dry-run"] === true;
    const end = await runWizard(looking, screen, actionsOf(terminal), { ...options, dryRun });
    return { done: EXIT_OK, failed: EXIT_FAILED, usage: EXIT_USAGE }[end];
  },
};

async function showJson(looking: InstanceType<typeof import("../setup/looking.ts").Looking>, terminal: Terminal) {
  terminal.stdout(`${JSON.stringify(await looking.everything(), null, 2)}\n`);
  return EXIT_OK;
}

async function chooseScreen(given: Given, terminal: Terminal, canAsk: boolean): Promise<Screen> {
  const { TERM, ACCESSIBLE = "" } = terminal.environment;
  const isPlain = !canAsk || given.options["plain"] === true || TERM === "dumb" || ACCESSIBLE !== "";
  if (!isPlain) return (await import("../setup/clack-screen.ts")).clackScreen();
  const { plainScreen } = await import("../setup/plain-screen.ts");
  const { LineInput } = await import("./line-input.ts");
  const input = new LineInput();
  const columns = columnsOfStdout();
  return plainScreen({ write: terminal.stdout, readLine: () => input.next(), columns });
}

async function isRunning(file: string): Promise<boolean> {
  const { ask, NoAnswer } = await import("./control-client.ts");
  try {
    await ask(file, { command: "status" }, () => {});
    return true;
  } catch (error) {
    if (error instanceof NoAnswer) return false;
    throw error;
  }
}

async function certificate(file: string): Promise<CertificateState | undefined> {
  const { ask, NoAnswer } = await import("./control-client.ts");
  try {
    const { certificates } = (await ask(file, { command: "certificates" }, () => {})) as Certificates;
    const [first] = certificates;
    if (first === undefined) return undefined;
    const { source, failures, problems } = first;
    return { temporary: source === "temporary", failures: failures ?? 0, problems };
  } catch (error) {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  }
}

interface Certificates {
  readonly certificates: readonly CertificateDetail[];
}

/** The commands of the same names, whose words are heard instead of shown. */
function actionsOf(terminal: Terminal): Actions {
  const run = async (load: () => Promise<Command>, options: Given["options"], positionals: readonly string[] = []) => {
    let said = "";
    const hear = (text: string) => void (said += text);
    const colour = { stdout: false, stderr: false };
    const { environment, folder } = terminal;
    const command = await load();
    const given = { options, lists: {}, positionals, words: [], commands: [] };
    const code = await command.run(given, { stdout: hear, stderr: hear, colour, environment, folder });
    return { ok: code === EXIT_OK, said };
  };
  return {
    check: (file) => run(async () => (await import("./check.ts")).CHECK, { config: file }),
    start: (config) => run(async () => (await import("./start.ts")).START, { config }),
    reload: (config) => run(async () => (await import("./reload.ts")).RELOAD, { config }),
    certificate,
    installUnit: (config) =>
      run(async () => (await import("./service.ts")).SERVICE, { config, yes: true }, ["install"]),
  };
}
