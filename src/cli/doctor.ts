/** `server doctor`: what is wrong with an installation, running or not, and what to do about it. The checks are src/doctor. */
import type { Patient, Running } from "../doctor/patient.ts";
import type { Found } from "../doctor/doctor.ts";
import type { Serving } from "../doctor/ground.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";
import { columnsOfStdout } from "./terminal.ts";
import type { ServerStatus } from "./status-text.ts";

export const DOCTOR: Command = {
  name: "doctor",
  summary: "Find what is wrong with an installation, and what to do about it",
  usage: "[-c FILE] [--user USER] [--fix] [--json]",
  doc:
    "Looks at the configuration, the server that runs, permissions on every path for the user who serves, ports and who has " +
    "them, upstreams, DNS, certificates, interpreter and import of each app, whether it may write its database and uploads, static files, " +
    "ALLOWED_HOSTS, memory, limits, clock and disks. " +
    "Changes nothing without --fix. As root it sees more: whose ports are taken, and what other users may do. Exits 1 when " +
    "there is a problem.",
  options: {
    config: CONFIG_OPTION,
    user: {
      type: "string",
      short: "u",
      value: "USER",
      doc: "Who is to serve; that of the running server unless given, else `user` of the file, else who asks.",
    },
    fix: {
      type: "boolean",
      short: "f",
      value: "",
      doc: "Mends what is safe to mend: collects static files, takes keys from others.",
    },
    json: { type: "boolean", short: "j", value: "", doc: "Prints the findings as JSON." },
  },
  positionalsMax: 0,
  async run(given, terminal) {
    const { configurationPath } = await import("./configuration.ts");
    const { realGround } = await import("../doctor/real-ground.ts");
    const path = configurationPath(given, terminal);
    const report = await reporter(given, terminal);
    const ground = realGround(terminal.environment);
    const running = await runningServer(path);
    const look = () => lookAtAll(path, { running, ground, named: given.options["user"] }, report);
    if (!(await look())) {
      terminal.stderr(`server doctor: there is no user ${JSON.stringify(given.options["user"])}\n`);
      return EXIT_USAGE;
    }
    if (given.options["fix"] !== true) return report.end([]);
    const { mend } = await import("../doctor/doctor.ts");
    const mended = await mend(report.found);
    if (mended.length > 0) {
      report.again();
      await look();
    }
    return report.end(mended);
  },
};

interface Sight extends Pick<Patient, "running" | "ground"> {
  /** Who is to serve, as it was said. */
  readonly named: unknown;
}

/** Everything that is found, told. False: there is no such user. */
async function lookAtAll(path: string, { running, ground, named }: Sight, report: Reporter): Promise<boolean> {
  const { examine, withoutConfiguration } = await import("../doctor/doctor.ts");
  const { servingAs } = await import("../doctor/accounts.ts");
  const { config, findings } = await readConfiguration(path, ground);
  for (const found of findings) report.take(found);
  if (config === undefined) {
    for (const found of withoutConfiguration({ running, ground })) report.take(found);
    return true;
  }
  const serving = await servingUser(named, config, running, ground.files);
  if (serving === undefined) return false;
  const root = process.geteuid?.() === 0 && config.server.user !== undefined ? servingAs("0") : undefined;
  const patient = { config, ground, serving, starter: root ?? serving, running, apps: [] };
  for await (const found of examine(patient)) report.take(found);
  return true;
}

/** The configuration, if it can be used or lacks nothing but folders, which may be mended; and what is to be said of it. */
async function readConfiguration(path: string, ground: Patient["ground"]) {
  const { loadConfig, loadDespiteFolders } = await import("../config/load.ts");
  const { servingOf } = await import("../doctor/accounts.ts");
  const { configurationFindings, withReasons } = await import("../doctor/doctor.ts");
  const { ok } = await import("../doctor/finding.ts");
  const { config, problems } = loadConfig(path, ground.environment);
  const found = configurationFindings(problems);
  const self = servingOf(ground.files, "self");
  const findings = self === undefined ? found : await withReasons(found, ground, self);
  if (config === undefined) return { config: loadDespiteFolders(path, ground.environment).config, findings };
  return { config, findings: [{ ...ok("configuration", `${path} can be used`), check: "configuration" }, ...findings] };
}

type Reporter = Awaited<ReturnType<typeof reporter>>;

/** Shows findings as they come, or all as JSON at the end. */
async function reporter(given: Given, terminal: Terminal) {
  const { findingText, mendedText, summaryText } = await import("./doctor-text.ts");
  const json = given.options["json"] === true;
  const columns = columnsOfStdout();
  const shown = { colour: terminal.colour.stdout, columns };
  let found: Found[] = [];
  let isAgain = false;
  return {
    get found() {
      return found;
    },
    take(finding: Found) {
      found.push(finding);
      if (!json && !isAgain) terminal.stdout(findingText(finding, shown));
    },
    /** What comes now is how it is after it was mended. */
    again() {
      found = [];
      isAgain = true;
    },
    end(mended: Parameters<typeof mendedText>[0]): number {
      const hasProblem = found.some(({ verdict }) => verdict === "problem");
      if (json) terminal.stdout(`${JSON.stringify(asJson(found, mended), null, 2)}\n`);
      else terminal.stdout(mendedText(mended) + summaryText(found, isAgain, shown));
      return hasProblem ? EXIT_FAILED : EXIT_OK;
    },
  };
}

function asJson(found: readonly Found[], mended: readonly { finding: Found; failure: string | undefined }[]): object {
  return {
    ok: !found.some(({ verdict }) => verdict === "problem"),
    findings: found.map(({ check, verdict, subject, says, remedy, lines, fix }) => ({
      check,
      verdict,
      subject,
      says,
      remedy: remedy ?? null,
      lines,
      fix: fix?.does ?? null,
    })),
    mended: mended.map(({ finding, failure }) => ({
      subject: finding.subject,
      did: finding.fix?.does,
      failure: failure ?? null,
    })),
  };
}

/** Undefined: none runs, or it cannot be asked. */
async function runningServer(path: string): Promise<Running | undefined> {
  const { ask, NoAnswer } = await import("./control-client.ts");
  try {
    const status = (await ask(path, { command: "status" }, () => {})) as ServerStatus;
    const { pid, version, state, uptimeMs, certificates } = status;
    const apps = status.apps.map(({ name, processes, workers, crashLoop, reloadFailure }) => ({
      name,
      ready: processes.ready,
      rssBytes: workers.flatMap(({ rssBytes }) => rssBytes ?? []),
      crashLoop: crashLoop?.traceback,
      // JSON has null for what there is not.
      reloadFailure: reloadFailure ?? undefined,
    }));
    return { pid, version, state, uptimeMs, apps, certificates };
  } catch (error) {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  }
}

/** Undefined: there is no such user. */
async function servingUser(
  named: unknown,
  { server }: Patient["config"],
  running: Running | undefined,
  files: Patient["ground"]["files"],
): Promise<Serving | undefined> {
  const { servingAs, servingOf, whoServes } = await import("../doctor/accounts.ts");
  if (typeof named === "string") return servingAs(named);
  return (running && servingOf(files, running.pid)) ?? whoServes(server, files);
}
