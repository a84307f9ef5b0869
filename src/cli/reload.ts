/**
 * `server reload`: brings a new configuration and new code into a running server, waits until they are there, and shows what
 * has changed, or why nothing has.
 */
import type { Change } from "../master/changes.ts";
import type { AppReload, Progress, ServiceRestart } from "../master/operations.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Terminal } from "./command.ts";

export const RELOAD: Command = {
  name: "reload",
  summary: "Load the configuration and the code of apps anew, without losing a request",
  usage: "[-c FILE] [--app NAME]... [--service NAME]...",
  doc:
    "All of the configuration is checked, and new workers have imported the code, before anything changes; if something is " +
    "wrong, everything goes on as it was and all errors are shown. With names: only the code of these apps, and these services, " +
    "which are ended and started again; the configuration is not read then. Exits 1 when something failed or no server runs.",
  options: {
    config: CONFIG_OPTION,
    app: {
      type: "string",
      short: "a",
      value: "NAME",
      doc: "Only this app; may be given several times.",
      multiple: true,
    },
    service: {
      type: "string",
      short: "s",
      value: "NAME",
      doc: "Restarts this service; several times.",
      multiple: true,
    },
    json: { type: "boolean", short: "j", value: "", doc: "Prints the result as JSON." },
  },
  positionalsMax: 0,
  async run(given, terminal) {
    const { configurationPath } = await import("./configuration.ts");
    const { ask, NoAnswer } = await import("./control-client.ts");
    const { app: apps, service: services } = given.lists;
    const json = given.options["json"] === true;
    const show = json ? () => {} : (event: object) => terminal.stdout(progress(event as Progress));
    try {
      const request = { command: "reload", apps, services };
      const result = (await ask(configurationPath(given, terminal), request, show)) as Result;
      if (json) terminal.stdout(`${JSON.stringify(result, null, 2)}\n`);
      else await report(result, terminal);
      return result.ok ? EXIT_OK : EXIT_FAILED;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      terminal.stderr(`server: ${error.message}\n`);
      return /^no (app|service) "/.test(error.message) ? EXIT_USAGE : EXIT_FAILED;
    }
  },
};

interface Result {
  readonly ok: boolean;
  readonly apps: readonly AppReload[];
  readonly services: readonly ServiceRestart[];
  /** Of a reload of the configuration. */
  readonly problems?: readonly string[];
  readonly warnings?: readonly string[];
  readonly changes?: readonly Change[];
  readonly unchanged?: readonly string[];
}

function progress(event: Progress): string {
  if (event.state === "reloading") return `app ${event.app}: loading the code anew\n`;
  if (event.state === "restarting") return `service ${event.service}: restarting\n`;
  if (!event.ok) return "";
  const time = `${(event.tookMs / 1000).toFixed(1)} s`;
  if ("app" in event) return `app ${event.app}: ${count(event.replaced, "worker")} replaced in ${time}\n`;
  return `service ${event.service}: ${count(event.restarted, "instance")} restarted in ${time}\n`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Failures last, where they are seen. */
async function report(result: Result, terminal: Terminal): Promise<void> {
  const { printable } = await import("./control-client.ts");
  for (const line of changesOf(result)) terminal.stdout(printable(`${line}\n`));
  for (const line of [...complaintsOf(result), ...failuresOf(result)]) terminal.stderr(printable(`${line}\n`));
}

function changesOf({ problems = [], changes }: Result): string[] {
  if (changes === undefined || problems.length > 0) return [];
  if (changes.length === 0) return ["the configuration is as it was"];
  return changes.map(({ what, name, how }) => `${what} ${name}: ${how}`);
}

function complaintsOf({ problems = [], warnings = [], unchanged = [] }: Result): string[] {
  const lines = [...warnings, ...unchanged.map((text) => `server: ${text}`), ...problems].map((text) => text.trimEnd());
  return problems.length === 0 ? lines : [...lines, "server: the configuration is not taken; nothing has changed"];
}

function failuresOf({ apps, services }: Result): string[] {
  const ofApps = apps.flatMap(({ app, ok, traceback, replaced }) => {
    if (ok) return [];
    const some = `${count(replaced, "worker")} could load it, the others are tried again`;
    const rest = replaced > 0 ? some : "the old code goes on";
    return [(traceback ?? "").trimEnd(), `server: app ${app}: the new code failed; ${rest}`];
  });
  const ofServices = services.flatMap(({ service, ok, failure }) =>
    ok ? [] : [`server: service ${service} does not come up: ${failure ?? ""}`],
  );
  return [...ofApps, ...ofServices];
}
