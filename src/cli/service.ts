/** `server service install|uninstall|show`: the server as a service of systemd, in a hardened unit that is shown first. */
import type { Config } from "../config/config.ts";
import type { UserEntry } from "../config/users.ts";
import { type Command, CONFIG_OPTION, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";

const ACTIONS = ["install", "uninstall", "show"] as const;
type Action = (typeof ACTIONS)[number];

export const SERVICE: Command = {
  name: "service",
  summary: "Make the server a service of systemd, in a hardened unit",
  usage: "install|uninstall|show [-c FILE] [--user USER] [--name NAME] [--yes]",
  doc:
    "install shows the unit, and after a question writes it to /etc/systemd/system, enables it and starts it; uninstall stops it " +
    "and removes it; show only prints it. The unit gives the server the capabilities and the directories that the " +
    "configuration needs, and nothing else. docs/systemd.md says more.",
  options: {
    config: CONFIG_OPTION,
    user: {
      type: "string",
      short: "u",
      value: "USER",
      doc: "As whom it runs; that of the configuration unless given, else the owner of its directory, or if that is root, the machine's user for web servers.",
    },
    group: { type: "string", short: "g", value: "GROUP", doc: "The user's own unless given." },
    name: {
      type: "string",
      short: "n",
      value: "NAME",
      doc: "Of the unit; the directory's of the configuration unless given.",
    },
    "env-file": { type: "string", short: "e", value: "FILE", doc: "Lines NAME=VALUE for the server's environment." },
    yes: { type: "boolean", short: "y", value: "", doc: "Does not ask." },
  },
  positionalsMax: 1,
  async run(given, terminal) {
    const action = ACTIONS.find((each) => each === given.positionals[0]);
    if (action === undefined) {
      terminal.stderr(
        `server service: needs one of ${ACTIONS.join(", ")}\nserver help service shows how it is used.\n`,
      );
      return EXIT_USAGE;
    }
    const { UnitProblem } = await import("./unit-install.ts");
    try {
      return action === "uninstall" ? await uninstall(given, terminal) : await offer(action, given, terminal);
    } catch (error) {
      if (!(error instanceof UnitProblem)) throw error;
      terminal.stderr(`server: ${error.message.trimEnd()}\n`);
      return EXIT_FAILED;
    }
  },
};

async function uninstall(given: Given, terminal: Terminal): Promise<number> {
  const { ownUnit, requireSystemd, uninstallUnit, unitPath } = await import("./unit-install.ts");
  requireSystemd();
  const name = await nameOf(given, terminal);
  if (ownUnit(name) && !(await agreed(`Stop ${name} and remove ${unitPath(name)}?`, given, terminal)))
    return EXIT_FAILED;
  uninstallUnit(name, terminal.stdout);
  return EXIT_OK;
}

async function offer(action: Action, given: Given, terminal: Terminal): Promise<number> {
  const { installUnit, ownUnit, requireSystemd, systemdVersion, unitPath } = await import("./unit-install.ts");
  const { unitFacts } = await import("./unit-facts.ts");
  const { unitText } = await import("./unit.ts");
  const name = await nameOf(given, terminal);
  const user = await userOf(given, terminal, name);
  const { config, environmentFile } = await readAsUnit(name, user, given, terminal);
  if (config === undefined) return EXIT_USAGE;
  const wishes = { name, user, group: word(given, "group"), environmentFile };
  const text = unitText(unitFacts(config, wishes, systemdVersion()));
  terminal.stdout(text);
  await remark(config, name, user, terminal);
  if (action === "show") return EXIT_OK;
  requireSystemd();
  const replaces = ownUnit(name) ? " anew" : "";
  await refuseSecond(name, given, terminal);
  if (!(await agreed(`Write this to ${unitPath(name)}${replaces}, enable and start it?`, given, terminal)))
    return EXIT_FAILED;
  installUnit(name, text, terminal.stdout);
  return EXIT_OK;
}

function word(given: Given, name: string): string | undefined {
  const value = given.options[name];
  return typeof value === "string" ? value : undefined;
}

async function nameOf(given: Given, terminal: Terminal): Promise<string> {
  const { UnitProblem } = await import("./unit-install.ts");
  const { configurationPath } = await import("./configuration.ts");
  const { defaultUnitName } = await import("./unit-facts.ts");
  const { unitName } = await import("./unit.ts");
  const written = word(given, "name");
  if (written === undefined) return defaultUnitName(configurationPath(given, terminal));
  const name = unitName(written);
  if (name === undefined) throw new UnitProblem(`--name ${written}: a unit's name has letters, digits, and :_.-`);
  return name;
}

async function userOf(given: Given, terminal: Terminal, name: string): Promise<UserEntry> {
  const { UnitProblem } = await import("./unit-install.ts");
  const { configurationPath } = await import("./configuration.ts");
  const { defaultUser } = await import("./unit-facts.ts");
  const { findGroup, findUser } = await import("../config/users.ts");
  const group = word(given, "group");
  if (group !== undefined && findGroup(group) === undefined)
    throw new UnitProblem(`--group ${group} is no group of this machine`);
  const written = word(given, "user") ?? (await configuredUser(given, terminal, name));
  const user = written === undefined ? defaultUser(configurationPath(given, terminal)) : findUser(written);
  if (user !== undefined) return user;
  if (written !== undefined) throw new UnitProblem(`--user ${written} is no user of this machine`);
  throw new UnitProblem(
    "the project is root's, and there is no user for web servers here; make one and name it:\n" +
      "    useradd --system --shell /usr/sbin/nologin mysite\n    server service install --user mysite",
  );
}

/** `[server] user`; what is wrong with the file is said later. */
async function configuredUser(given: Given, terminal: Terminal, name: string): Promise<string | undefined> {
  const { configurationPath } = await import("./configuration.ts");
  const { loadConfig } = await import("../config/load.ts");
  const { unitEnvironment } = await import("./unit-facts.ts");
  const nobody = { id: 0, name: undefined, group: undefined, home: undefined };
  const { config } = loadConfig(configurationPath(given, terminal), unitEnvironment(name, nobody));
  return config?.server.user?.name ?? config?.server.user?.uid.toString();
}

/** As the unit will read it: not with the variables of this terminal. */
async function readAsUnit(
  name: string,
  user: UserEntry,
  given: Given,
  terminal: Terminal,
): Promise<{ readonly config: Config | undefined; readonly environmentFile: string | undefined }> {
  const { readConfiguration } = await import("./configuration.ts");
  const { unitEnvironment, readEnvironmentFile } = await import("./unit-facts.ts");
  const { UnitProblem } = await import("./unit-install.ts");
  const { resolve } = await import("node:path");
  const written = word(given, "env-file");
  const environmentFile = written === undefined ? undefined : resolve(terminal.folder, written);
  const added = environmentFile === undefined ? {} : readEnvironmentFile(environmentFile);
  if (typeof added === "string") throw new UnitProblem(added);
  const environment = { ...unitEnvironment(name, user), ...added };
  const { config } = readConfiguration(given, { ...terminal, environment });
  if (config === undefined && Object.keys(added).length === 0)
    terminal.stderr("It was read without the variables of this terminal; --env-file names a file of those it needs.\n");
  return { config, environmentFile };
}

async function remark(config: Config, unit: string, user: UserEntry, terminal: Terminal): Promise<void> {
  const { readsOf, unreadable, unwritable, writesOf } = await import("./unit-facts.ts");
  const name = user.name ?? String(user.id);
  if (user.id === 0) terminal.stderr("server: as root it is confined less; --user names somebody else\n");
  for (const path of unreadable(readsOf(config), user))
    terminal.stderr(`server: ${path} is not readable for ${name}, as far as its mode says\n`);
  for (const path of unwritable(writesOf(config, unit), user))
    terminal.stderr(
      `server: ${path} is not writable for ${name}, as far as its mode says; /run/${unit} and /var/lib/${unit} will be\n`,
    );
}

/** One that was started by hand has the addresses. */
async function refuseSecond(name: string, given: Given, terminal: Terminal): Promise<void> {
  const { configurationPath } = await import("./configuration.ts");
  const { ask, NoAnswer } = await import("./control-client.ts");
  const { ownUnit, UnitProblem } = await import("./unit-install.ts");
  // The one that runs is the unit itself.
  if (ownUnit(name)) return;
  try {
    const { pid } = (await ask(configurationPath(given, terminal), { command: "status" }, () => {})) as { pid: number };
    throw new UnitProblem(`it runs already, as process ${pid}; server stop ends it`);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
  }
}

async function agreed(question: string, given: Given, terminal: Terminal): Promise<boolean> {
  if (given.options["yes"] === true) return true;
  if (terminal.confirm === undefined) {
    terminal.stderr("server: nothing was changed, since there is nobody to ask; --yes does it\n");
    return false;
  }
  if (await terminal.confirm(question)) return true;
  terminal.stderr("server: nothing was changed\n");
  return false;
}
