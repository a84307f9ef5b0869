/**
 * `server cert list | show | renew | test | trust`: certificates, of a running server or as they lie on disk. What is printed is
 * cert-text.ts, who trusts the local authority is cert-trust.ts.
 */
import type { CertificateOutcome, CertificateProgress } from "../master/certificate-commands.ts";
import type { CertificateDetail } from "../master/certificates.ts";
import { CONFIG_OPTION, type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, type Given, type Terminal } from "./command.ts";

const ACTIONS = ["list", "show", "renew", "test", "trust"] as const;

export const CERT: Command = {
  name: "cert",
  summary: "Show certificates, renew them, try out an order, or trust the local authority",
  usage: "list | show SITE [--pem] | renew [SITE] | test [SITE] | trust [--install | --remove] [-c FILE] [--json]",
  doc:
    "list and show tell what sites show, until when, and what is wrong; without a running server, what is kept on disk. renew " +
    "orders at once, due or not, and waits for it. test looks at everything that an authority will look at (DNS, CAA, ports 80 and " +
    "443), explains it, and orders at the staging authority, whose certificate is not shown. Both need a server that runs with the " +
    'site as it is, since that answers the authority. trust prints the certificate of the authority behind `tls = "internal"`; ' +
    "--install adds it to those that this machine trusts, --remove takes it out again. Exits 1 when something failed.",
  options: {
    config: CONFIG_OPTION,
    pem: { type: "boolean", short: "p", value: "", doc: "Prints the certificate with its chain." },
    install: { type: "boolean", short: "i", value: "", doc: "The machine is to trust the local authority." },
    remove: { type: "boolean", short: "r", value: "", doc: "The machine is to trust it no more." },
    json: { type: "boolean", short: "j", value: "", doc: "Prints JSON." },
  },
  positionalsMax: 2,
  words: ACTIONS,
  run(given, terminal) {
    const [action, site] = given.positionals;
    switch (action) {
      case "list":
        return site === undefined ? list(given, terminal) : refuse(terminal, "list takes no SITE; show does");
      case "show":
        return site === undefined ? refuse(terminal, "show which SITE?") : show(given, site, terminal);
      case "renew":
        return order(given, "certificate-renew", site, terminal);
      case "test":
        return order(given, "certificate-test", site, terminal);
      case "trust":
        return site === undefined ? trust(given, terminal) : refuse(terminal, "trust takes no SITE");
      default:
        return refuse(terminal, `say what: ${ACTIONS.join(", ")}`);
    }
  },
};

function refuse(terminal: Terminal, why: string): number {
  terminal.stderr(`server cert: ${why}\nserver help cert shows how it is used.\n`);
  return EXIT_USAGE;
}

/** Undefined after saying why not. */
async function certificates(given: Given, terminal: Terminal): Promise<readonly CertificateDetail[] | undefined> {
  const { configurationPath, readConfiguration } = await import("./configuration.ts");
  const { ask, NoAnswer } = await import("./control-client.ts");
  try {
    const answer = await ask(configurationPath(given, terminal), { command: "certificates" }, () => {});
    return (answer as { readonly certificates: readonly CertificateDetail[] }).certificates;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const { config } = readConfiguration(given, terminal);
    if (config === undefined) return undefined;
    terminal.stderr(`server: ${error.message}; what is on disk:\n`);
    const { certificatesOnDisk } = await import("./cert-disk.ts");
    return certificatesOnDisk(config);
  }
}

async function list(given: Given, terminal: Terminal): Promise<number> {
  const found = await certificates(given, terminal);
  if (found === undefined) return EXIT_USAGE;
  const { listText } = await import("./cert-text.ts");
  const { printable } = await import("./control-client.ts");
  const isJson = given.options["json"] === true;
  const withoutPem = (key: string, value: unknown) => (key === "pem" ? undefined : value);
  terminal.stdout(isJson ? json({ certificates: found }, withoutPem) : printable(listText(found, new Date())));
  return EXIT_OK;
}

async function show(given: Given, site: string, terminal: Terminal): Promise<number> {
  const all = await certificates(given, terminal);
  if (all === undefined) return EXIT_USAGE;
  const found = all.filter((each) => each.site === site || each.names.includes(site));
  if (found.length === 0) {
    const known = all.map((each) => each.site).join(", ");
    terminal.stderr(
      `server cert: ${JSON.stringify(site)} has no certificate; ${known === "" ? "none is there" : `there are: ${known}`}\n`,
    );
    return EXIT_FAILED;
  }
  const { showText } = await import("./cert-text.ts");
  const { printable } = await import("./control-client.ts");
  const text = given.options["pem"] === true ? found.map(({ pem }) => pem).join("") : showText(found, new Date());
  terminal.stdout(given.options["json"] === true ? json({ certificates: found }) : printable(text));
  return EXIT_OK;
}

function json(value: object, replace?: (key: string, value: unknown) => unknown): string {
  return `${JSON.stringify(value, replace, 2)}\n`;
}

interface Result {
  readonly ok: boolean;
  readonly sites: readonly CertificateOutcome[];
}

async function order(given: Given, command: string, site: string | undefined, terminal: Terminal): Promise<number> {
  const { configurationPath } = await import("./configuration.ts");
  const { ask, NoAnswer, printable } = await import("./control-client.ts");
  const { outcomeText, progressText } = await import("./cert-text.ts");
  const isJson = given.options["json"] === true;
  const events: object[] = [];
  const tell = (event: object) => {
    if (isJson) events.push(event);
    else terminal.stdout(printable(progressText(event as CertificateProgress)));
  };
  try {
    const result = (await ask(configurationPath(given, terminal), { command, site }, tell)) as Result;
    const isTest = command === "certificate-test";
    if (isJson) terminal.stdout(json({ ...result, events }));
    else for (const each of result.sites) terminal.stdout(printable(outcomeText(each, isTest)));
    return result.ok ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    terminal.stderr(`server: ${error.message}\n`);
    return error.code === "bad-argument" ? EXIT_USAGE : EXIT_FAILED;
  }
}

async function trust(given: Given, terminal: Terminal): Promise<number> {
  const { readConfiguration } = await import("./configuration.ts");
  const { install, remove } = given.options;
  if (install === true && remove === true) return refuse(terminal, "--install or --remove, not both");
  const { config } = readConfiguration(given, terminal);
  if (config === undefined) return EXIT_USAGE;
  const { trustStores, localRoot } = await import("./cert-trust.ts");
  const root = localRoot(config.server.stateDirectory);
  if (typeof root === "string") {
    terminal.stderr(`server cert: ${root}\n`);
    return EXIT_FAILED;
  }
  if (install !== true && remove !== true) {
    terminal.stdout(root.pem);
    terminal.stderr(
      `${root.describe}\nserver cert trust --install has this machine trust it; others are given this file.\n`,
    );
    return EXIT_OK;
  }
  const outcomes = trustStores(root, install === true ? "install" : "remove", terminal.environment["HOME"]);
  for (const { ok, text } of outcomes) (ok ? terminal.stdout : terminal.stderr)(`${text}\n`);
  return outcomes.some(({ ok }) => !ok) || outcomes.length === 0 ? EXIT_FAILED : EXIT_OK;
}
