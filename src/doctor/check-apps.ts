/** Apps: does the interpreter run, can the application be imported as its user, and do those that run, run well? */
import LOAD from "../apps/python/load.py" with { type: "text" };
import type { AppConfig } from "../config/config.ts";
import { mayBeRoot } from "../config/reach.ts";
import { runningAs, type Surroundings } from "../machine/surroundings.ts";
import { adviceOn, readableInterpreter } from "../project/failure.ts";
import { installerOf } from "../project/installer.ts";
import { examine } from "../project/interpreter.ts";
import { type ProbeFailure, probeSettings, type Settings } from "../project/settings.ts";
import { servingApp, startedAs } from "./accounts.ts";
import { type Finding, ok, problem } from "./finding.ts";
import IMPORT from "./import.py" with { type: "text" };
import type { AppFacts, Check, Patient, RunningApp } from "./patient.ts";
import { startRefusal } from "./start-refusal.ts";

/** What workers are written for. */
const OLDEST = [3, 8] as const;
const IMPORT_TIMEOUT_MS = 60_000;
const LINES_SHOWN = 8;
const MIB = 1024 * 1024;

export const APPS: Check = {
  name: "apps",
  run: async (patient) => {
    const findings: Finding[] = [];
    for (const app of patient.config.apps) {
      const running = patient.running?.apps.find(({ name }) => name === app.name);
      findings.push(...(await examineApp(app, patient)), ...stateOf(app, running));
    }
    return findings;
  },
};

async function examineApp(app: AppConfig, patient: Patient): Promise<Finding[]> {
  const subject = `app ${app.name}`;
  const { ground } = patient;
  const refused = refuseRoot(app, patient);
  if (refused !== undefined) return [refused];
  const candidate = { python: app.python, virtualenv: undefined, origin: "" };
  const found = await examine(surroundingsOf(app, patient), candidate, app.root);
  if ("failure" in found) return [await judgeStart(app, found.failure, patient)];
  const [major = 0, minor = 0] = found.version.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    return [
      problem(
        `${subject} python`,
        `${app.python} is Python ${found.version}`,
        `name one of ${OLDEST.join(".")} or newer in python`,
      ),
    ];
  const { failure, facts } = await importApp(app, patient);
  patient.apps.push(facts);
  const python = ok(`${subject} python`, `Python ${found.version} (${app.python})`);
  if (failure === undefined) return [python, ok(`${subject} import`, `it can be imported${sizeOf(facts)}`)];
  const { python: path, root } = app;
  const installer = installerOf(ground.files, { root, python: path });
  const { remedy } = adviceOn(failure, { python: path, root, installer, files: ground.files });
  const what = `it cannot be imported: ${failure.type}: ${failure.message.split("\n", 1)[0]}`;
  return [python, problem(`${subject} import`, what, remedy, { lines: failure.traceback.slice(-LINES_SHOWN) })];
}

/** Whoever may write a virtualenv says what its interpreter does: it is started as the app's user, never as root. */
function surroundingsOf(app: AppConfig, { ground, serving }: Patient): Surroundings {
  return runningAs(ground, startedAs(ground.files, servingApp(app, serving)));
}

async function judgeStart(app: AppConfig, failure: string, { ground, serving }: Patient): Promise<Finding> {
  const refusal = await startRefusal(app, servingApp(app, serving), ground);
  const remedy =
    refusal === undefined
      ? "make the virtualenv anew: python3 -m venv, then pip install -r requirements.txt; or name another one in python"
      : readableInterpreter(app.python);
  return problem(`app ${app.name} python`, `${app.python} does not run: ${refusal ?? failure}`, remedy);
}

/** As the start does (master/privileges.ts). */
function refuseRoot(app: AppConfig, { config, serving }: Patient): Finding | undefined {
  if (servingApp(app, serving).uid !== 0 || mayBeRoot(config)) return undefined;
  const remedy =
    'user = "www-data", in [server] or in the table of the app; run_as_root = true in [server] if root is meant';
  return problem(`app ${app.name} user`, "its Python would be root, so it is not started", remedy);
}

function sizeOf({ rssBytes }: AppFacts): string {
  return rssBytes === undefined ? "" : `, ${Math.round(rssBytes / MIB)} MiB`;
}

interface Imported {
  readonly failure: ProbeFailure | null;
  readonly django: string | null;
  readonly settings: string | null;
  readonly rss: number | null;
}

async function importApp(
  app: AppConfig,
  patient: Patient,
): Promise<{ failure: ProbeFailure | undefined; facts: AppFacts }> {
  const { ground, serving } = patient;
  const given = {
    root: app.root,
    target: app.wsgi,
    pythonPath: app.process.pythonPath,
    finders: app.staticFinders,
  };
  const environment = { PYTHONDONTWRITEBYTECODE: "1", ...app.env };
  const words = [app.python, "-c", `${LOAD}\n${IMPORT}`, JSON.stringify(given)];
  const options = { folder: app.root, timeoutMs: IMPORT_TIMEOUT_MS, environment };
  const ran = await surroundingsOf(app, patient).run(words, options);
  let imported: Imported;
  try {
    imported = JSON.parse(ran.result) as Imported;
  } catch {
    const refusal = await startRefusal(app, servingApp(app, serving), ground);
    const message = refusal ?? ran.failure ?? ran.stderr.trim().split("\n").at(-1) ?? `status ${ran.code}`;
    const failure = {
      stage: "wsgi" as const,
      type: refusal === undefined ? (ran.failure ?? "ended") : "PermissionError",
      message,
      missing: undefined,
      traceback: ran.stderr.trim().split("\n"),
    };
    return { failure, facts: { app, settings: undefined, rssBytes: undefined } };
  }
  const failure =
    imported.failure === null ? undefined : { ...imported.failure, missing: imported.failure.missing ?? undefined };
  const settings =
    failure === undefined && imported.django !== null ? await settingsOf(app, imported.settings, patient) : undefined;
  return { failure, facts: { app, settings, rssBytes: imported.rss ?? undefined } };
}

async function settingsOf(app: AppConfig, module: string | null, patient: Patient): Promise<Settings | undefined> {
  const wish = { python: app.python, root: app.root, settings: module ?? undefined, wsgi: undefined };
  return (await probeSettings(surroundingsOf(app, patient), { ...wish, environment: app.env })).settings;
}

function stateOf({ name, processesMin }: AppConfig, running: RunningApp | undefined): Finding[] {
  if (running === undefined) return [];
  const subject = `app ${name} workers`;
  const lines = (running.crashLoop ?? running.reloadFailure ?? "").trimEnd().split("\n").slice(-LINES_SHOWN);
  if (running.crashLoop !== undefined)
    return [
      problem(subject, "they end as soon as they start", "mend what the traceback shows; it is tried again", { lines }),
    ];
  if (running.reloadFailure !== undefined)
    return [
      problem(subject, "the last reload failed: the old code is served", "mend it, then server reload", { lines }),
    ];
  if (running.ready < processesMin)
    return [
      problem(subject, `${running.ready} of ${processesMin} are ready`, "server logs tells why the others are not"),
    ];
  return [ok(subject, `${running.ready} ready`)];
}
