/** `server reload`: brings new code into a running server, waits until it is there, and shows why when it is not. */
import type { AppReload, Progress, ServiceRestart } from "../master/operations.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Terminal } from "./command.ts";

export const RELOAD: Command = {
  name: "reload",
  summary: "Load the code of apps anew, without losing a request",
  usage: "[-c FILE] [--app NAME]... [--service NAME]...",
  doc:
    "New workers import the code first and then take over; if they cannot, the old ones go on and the traceback is shown. " +
    "Without names: all apps. A service is ended and started again. The configuration is read at a restart only. " +
    "Exits 1 when the new code could not be loaded or no server runs.",
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
async function report({ ok, apps, services }: Result, terminal: Terminal): Promise<void> {
  const { printable } = await import("./control-client.ts");
  for (const { app, ok: isGood, traceback, replaced } of apps) {
    if (isGood) continue;
    const rest =
      replaced > 0 ? `${count(replaced, "worker")} could load it, the others are tried again` : "the old code goes on";
    terminal.stderr(printable(`${(traceback ?? "").trimEnd()}\nserver: app ${app}: the new code failed; ${rest}\n`));
  }
  for (const { service, ok: isGood, failure } of services) {
    if (!isGood) terminal.stderr(printable(`server: service ${service} does not come up: ${failure ?? ""}\n`));
  }
  if (ok && apps.length + services.length === 0) terminal.stdout("there is no app to reload\n");
}
