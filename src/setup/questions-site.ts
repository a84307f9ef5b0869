/** Questions about the site: names, addresses, HTTPS. */
import { upperFirst } from "../base/words.ts";
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { covers, hostsOf, namesOf } from "../certificates/judge.ts";
import { parseCertificates, parsePrivateKey } from "../certificates/pem.ts";
import { isPublicName, type NameVerdict } from "../machine/addresses.ts";
import type { PortUse } from "../machine/ports.ts";
import { SITE_NAME } from "../config/http-kinds.ts";
import { Place } from "../config/place.ts";
import { Report } from "../config/problems.ts";
import type { Answers, Choice, ChoiceQuestion, TextQuestion } from "./question.ts";
import { domainsOf, relativeTo, type Seen, writtenDomains } from "./seen.ts";

/** Not with `import`: then the files that are taken over say it. */
function isImported({ import: wanted }: Answers): boolean {
  return wanted === "yes";
}

export function askDomain(seen: Seen, answers: Answers): TextQuestion | undefined {
  if (isImported(answers)) return undefined;
  const allowed = seen.facts?.loaded?.settings?.allowedHosts ?? [];
  const names = allowed.filter((name) => name !== "*" && !isLocal(name)).map((name) => name.toLowerCase());
  const today = names.length > 0 ? [] : (seen.importable?.names ?? []);
  const offered = names.length > 0 ? names : today;
  const from = names.length > 0 ? "From ALLOWED_HOSTS." : "From what serves the project today.";
  const why = [
    offered.length > 0
      ? `${from} Several with spaces between them; empty for every name that leads here.`
      : "Several with spaces between them, such as example.org www.example.org; empty for every name that leads here.",
  ];
  const message = "Under which domain names?";
  const placeholder = "example.org www.example.org";
  return { id: "domain", kind: "text", message, why, initial: offered.join(" "), placeholder, refuse: refuseDomains };
}

/** Or an address, which is none. */
function isLocal(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, "")) !== 0 || /^(localhost|127\.|\[?::1|0\.0\.0\.0|testserver$)/.test(name);
}

/** All that the configuration takes would fill a narrow screen. */
const NO_NAME = "should be a name such as example.org or *.example.org";

/** As the configuration reads them, so that what is typed is what can be loaded. */
function refuseDomains(text: string): string | undefined {
  for (const name of writtenDomains({ domain: text })) {
    const report = new Report("");
    SITE_NAME.read(new Place(report, [], name));
    const [problem] = report.sorted();
    if (problem === undefined) continue;
    const isAny = problem.should?.includes(SITE_NAME.expected) === true;
    return `${name}: ${isAny ? NO_NAME : (problem.should ?? problem.what)}`;
  }
  return undefined;
}

export interface PortTrouble {
  readonly taken: readonly PortUse[];
  readonly forbidden: boolean;
}

/** What keeps this server from the ports of the web. */
export function portTrouble({ machine, running }: Seen): PortTrouble {
  const taken = running ? [] : machine.ports.filter(({ port }) => port === 80 || port === 443);
  return { taken, forbidden: !machine.lowPorts };
}

/** `ports 80 and 443 are taken by nginx (pid 812, 813)`, a text for each set of holders. */
export function showHolders(taken: readonly PortUse[]): string[] {
  const groups = Map.groupBy(taken, ({ holders }) => [...new Set(holders.map(({ name }) => name))].join(", "));
  return [...groups].map(([names, uses]) => {
    const ports = uses.map(({ port }) => port);
    const are = ports.length === 1 ? `port ${ports[0]} is` : `ports ${ports.join(" and ")} are`;
    const pids = [...new Set(uses.flatMap(({ holders }) => holders.map(({ pid }) => pid)))];
    if (pids.length === 0) return `${are} taken by another user's process`;
    return `${are} taken by ${names} (pid ${pids.slice(0, PIDS_SHOWN).join(", ")}${pids.length > PIDS_SHOWN ? ", …" : ""})`;
  });
}

const PIDS_SHOWN = 3;

/** The addresses are 80 and 443 where nothing is in the way, and then that is no question. */
export function askListen(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  if (isImported(answers)) return undefined;
  const { taken, forbidden } = portTrouble(seen);
  const isFree = taken.length === 0 && !forbidden;
  if (isFree && answers.listen === undefined) return undefined;
  const port = String(seen.machine.freePort);
  const choices: Choice[] = [
    { value: port, label: `On port ${port} for now`, hint: "without HTTPS" },
    { value: `127.0.0.1:${port}`, label: `On 127.0.0.1:${port}`, hint: "behind what has port 80 today" },
    { value: "web", label: "On 80 and 443 all the same", hint: whenFree(taken, forbidden) },
  ];
  const why = [
    ...showHolders(taken).map((text) => `${upperFirst(text)}.`),
    ...(forbidden
      ? [`Ports below 1024 are for root, and you are ${seen.machine.host.account.name ?? "another user"}.`]
      : []),
  ];
  const message = "Where should it listen?";
  return { id: "listen", kind: "choice", message, why, choices, initial: port, open: refuseListen };
}

function whenFree(taken: readonly PortUse[], forbidden: boolean): string {
  const [holder] = taken.flatMap(({ holders }) => holders);
  if (taken.length > 0) return `you stop ${holder?.name ?? "the other one"} before it starts`;
  return forbidden ? "it is started as root, or as a service" : "the ports are free";
}

function refuseListen(text: string): string | undefined {
  const port = /^(?:(?:[\d.]+|\[[0-9a-f:.]+\]|\*)?:)?(\d{1,5})$/i.exec(text)?.[1];
  const isPort = port !== undefined && Number(port) > 0 && Number(port) < 65_536;
  return isPort || /^unix:\/./.test(text)
    ? undefined
    : `is ${JSON.stringify(text)}; should be web (80 and 443), a port, 127.0.0.1:8000 or unix:/run/x.sock`;
}

/** On the ports of the web; elsewhere there is no HTTPS to speak of. */
export function isOnWeb({ listen }: Answers): boolean {
  return listen === undefined || listen === "web";
}

export function askHttps(seen: Seen, answers: Answers): ChoiceQuestion | undefined {
  const names = domainsOf(answers);
  if (isImported(answers) || (!isOnWeb(answers) && answers.https === undefined)) return undefined;
  const isPublic = names.length > 0 && names.every((name) => isPublicName(name) && !/[*~]/.test(name));
  const auto = { value: "auto", label: "Automatic", hint: "Let's Encrypt: ordered at the start, renewed in time" };
  const choices: Choice[] = [
    ...(isPublic ? [auto] : []),
    { value: "files", label: "With certificates of my own" },
    { value: "internal", label: "From an authority of this machine", hint: "for names in a LAN" },
    { value: "off", label: "No HTTPS" },
  ];
  const open = (text: string) => {
    if (text !== "auto") return `is ${JSON.stringify(text)}; should be auto, files, internal or off`;
    return names.length === 0
      ? "auto needs --domain: certificates are for names"
      : `auto is for names that the whole world knows, which ${names.join(", ")} ${names.length === 1 ? "is" : "are"} not; internal is for others`;
  };
  const verdicts = names.flatMap((name) => sayVerdict(name, seen.names.get(name), seen) ?? []);
  const why = isPublic
    ? verdicts
    : [...verdicts, ...(names.length === 0 ? ["Certificates are for names, and there is none."] : [])];
  const initial = isPublic ? "auto" : names.length > 0 ? "internal" : "off";
  return { id: "https", kind: "choice", message: "HTTPS?", why, choices, initial, open };
}

/** Undefined: nothing that needs to be said. */
export function sayVerdict(name: string, verdict: NameVerdict | undefined, { machine }: Seen): string | undefined {
  switch (verdict?.kind) {
    case "here":
      return `${name} leads to this machine.`;
    case "elsewhere":
      return `${name} leads to ${verdict.addresses.join(", ")}, not to this machine (${machine.addresses.open.join(", ")}): set its A and AAAA records.`;
    case "hidden":
      return `${name} leads to ${verdict.addresses.join(", ")}; whether that comes here cannot be seen from here.`;
    case "unknown-name":
      return `${name} is not known in the DNS yet: set its A record${machine.addresses.open.length === 0 ? "" : ` to ${machine.addresses.open.join(", ")}`}.`;
    case "no-answer":
      return `The DNS did not answer for ${name}.`;
    default:
      return undefined;
  }
}

export function askCert(seen: Seen, { https }: Answers): TextQuestion | undefined {
  if (https !== "files") return undefined;
  const message = "Which file is the certificate, with its chain?";
  const refuse = (text: string) => refuseFile(seen, text) ?? reasonOf(text, () => chainIn(seen, text));
  return { id: "cert", kind: "text", message, why: ["In PEM."], initial: "", placeholder: "cert.pem", refuse };
}

export function askKey(seen: Seen, answers: Answers): TextQuestion | undefined {
  const { https, cert = "" } = answers;
  if (https !== "files") return undefined;
  const refuse = (text: string) => {
    const wrong = refuseFile(seen, text);
    if (wrong !== undefined) return wrong;
    if (isServed(seen, resolve(seen.folder, text)))
      return `${text} stands among the files that are served, to everybody: move it elsewhere first`;
    return reasonOf(text, () => {
      const key = parsePrivateKey(textOf(seen, text), undefined);
      if (chainIn(seen, cert)[0]?.checkPrivateKey(key) !== true) throw new Error(`which is not the key of ${cert}`);
    });
  };
  const why = ["In PEM.", ...missingNames(seen, answers)];
  return {
    id: "key",
    kind: "text",
    message: "Which file is its key?",
    why,
    initial: "",
    placeholder: "key.pem",
    refuse,
  };
}

function refuseFile({ folder, files }: Seen, text: string): string | undefined {
  if (text === "") return "should be a file in PEM";
  const found = files.kind(resolve(folder, text));
  if (found === "file") return undefined;
  return found === undefined ? `${text} does not exist` : `${text} is no file`;
}

function textOf({ folder, files }: Seen, typed: string): string {
  return files.read(resolve(folder, typed)) ?? "";
}

function chainIn(seen: Seen, typed: string): X509Certificate[] {
  return parseCertificates(textOf(seen, typed));
}

function reasonOf(typed: string, read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return `${typed}, ${(error as Error).message}`;
  }
}

/** Browsers would refuse it for these. */
function missingNames(seen: Seen, answers: Answers): string[] {
  try {
    const [leaf] = chainIn(seen, answers.cert ?? "");
    const names = domainsOf(answers).flatMap(hostsOf);
    const missing = leaf === undefined ? [] : names.filter((name) => !covers(leaf, name));
    if (leaf === undefined || missing.length === 0) return [];
    return [`The certificate does not name ${missing.join(", ")}, but ${namesOf(leaf).join(", ") || "nobody"}.`];
  } catch {
    // It is not what it was when it was answered; the check of what is written tells.
    return [];
  }
}

function isServed({ facts }: Seen, path: string): boolean {
  const { kind, root } = facts?.project ?? {};
  // What is hidden is not served.
  return (
    kind === "static" &&
    root !== undefined &&
    path.startsWith(join(root, "/")) &&
    !path.slice(root.length).includes("/.")
  );
}

/** A path that was typed, as server.toml has it. */
export function writtenPath(seen: Seen, base: string, typed: string): string {
  return relativeTo(base, resolve(seen.folder, typed));
}
