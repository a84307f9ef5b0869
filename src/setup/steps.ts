/**
 * A plan carried out, step by step, each seen as it happens. The files come first; what fails after them leaves a
 * configuration that stands, and says what to do.
 */
import { basename, dirname, join } from "node:path";
import { shellWord } from "../base/words.ts";
import type { Surroundings } from "../machine/surroundings.ts";
import { hintFor } from "../project/hints.ts";
import { awaitCertificate, type CertificateState } from "./certificate.ts";
import { withLines } from "./edits.ts";
import { checkDeploy, collectStatic, LINES_SHOWN, whyFails } from "./manage.ts";
import { hostOf, urlOf } from "./front.ts";
import type { SetupPlan } from "./plan.ts";
import { type Screen, plain } from "./screen.ts";
import { relativeTo } from "./seen.ts";
import { askFront, judgeFile, judgePage, type Judgement, type JudgeContext, someFile, tailOf } from "./verify.ts";
import { makeFolderFor, writeWhole } from "./write.ts";

/** What the room above does for us: commands of their own. */
export interface Actions {
  /** Whether the configuration as it stands can be used, and all that is wrong with it. */
  check(file: string): Promise<Outcome>;
  start(file: string): Promise<Outcome>;
  reload(file: string): Promise<Outcome>;
  installUnit(file: string): Promise<Outcome>;
  /** Of the first site; undefined when the server cannot be asked. */
  certificate(file: string): Promise<CertificateState | undefined>;
}

export interface Outcome {
  readonly ok: boolean;
  /** What it said, for people. */
  readonly said: string;
}

export interface Running {
  readonly surroundings: Surroundings;
  readonly screen: Screen;
  readonly actions: Actions;
  readonly signal: AbortSignal;
}

/** Where `server start` puts what the server prints. */
const LOG_NAME = "server.log";

/** True when it ended as it was meant to. */
export async function carryOut(plan: SetupPlan, context: JudgeContext["kind"], running: Running): Promise<boolean> {
  if (!(await writeFiles(plan, running))) return false;
  if (!(await manage(plan, running))) return false;
  if (running.signal.aborted) return interrupted(running);
  if (plan.start === undefined) return later(plan, running);
  if (!(await start(plan, running))) return false;
  return verify(plan, context, running);
}

async function writeFiles(plan: SetupPlan, { screen, actions, surroundings }: Running): Promise<boolean> {
  const folder = dirname(plan.file);
  const show = (path: string) => relativeTo(folder, path);
  const changed = changedMeanwhile(plan, surroundings);
  if (changed !== undefined) {
    screen.outro("bad", `${show(changed)} was changed meanwhile, and nothing was written: start server setup again.`);
    return false;
  }
  const written = (path: string, backup: string | undefined) =>
    screen.say("good", `${show(path)} is written${backup === undefined ? "" : `; the old one is ${show(backup)}`}`);
  let at = plan.file;
  try {
    for (const { path, user } of plan.folders) makeFolderFor((at = path), user);
    for (const { path, text } of plan.newFiles) written((at = path), writeWhole(path, text));
    if (plan.edit !== undefined) {
      at = plan.edit.file;
      written(at, writeWhole(at, withLines(plan.edit.before, plan.edit.lines)));
    }
    at = plan.file;
    if (plan.before !== plan.toml) {
      written(at, writeWhole(at, plan.toml, plan.isPrivate));
      if (plan.isPrivate) screen.say("info", `${show(at)} is for its owner's eyes alone, since it holds variables.`);
    }
  } catch (error) {
    screen.say("bad", `${at} cannot be written: ${reasonOf(error)}`);
    screen.outro("bad", "Mend that, and start server setup again.");
    return false;
  }
  const { ok, said } = await actions.check(plan.file);
  if (ok) return true;
  screen.block("server check", said.trimEnd().split("\n").map(plain));
  screen.outro("bad", `${show(plan.file)} is written and cannot be used as it is: mend the above, then server check.`);
  return false;
}

/** `EACCES: permission denied, mkdir '/srv/x'` without what is said beside it. */
function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/^E[A-Z]+: /, "").replace(/, \w+ '.*$/s, "");
}

/** While somebody reads the plan, files may be edited elsewhere; what was shown would be written over that. */
function changedMeanwhile({ file, before, edit }: SetupPlan, { files }: Surroundings): string | undefined {
  if (files.read(file) !== before) return file;
  return edit === undefined || files.read(edit.file) === edit.before ? undefined : edit.file;
}

async function manage({ django }: SetupPlan, running: Running): Promise<boolean> {
  if (django === undefined) return true;
  const steps = [...(django.collect === undefined ? [] : [collectStatic]), checkDeploy];
  for (const step of steps) {
    const failure = await step(django, running);
    if (failure === undefined) continue;
    running.screen.block(failure.title, failure.lines.slice(-LINES_SHOWN).map(plain));
    running.screen.outro("bad", failure.remedy);
    return false;
  }
  return true;
}

function interrupted({ screen }: Running): boolean {
  screen.outro("bad", "Interrupted: server.toml is written, and nothing was started.");
  return false;
}

function later(plan: SetupPlan, { screen }: Running): boolean {
  advise(plan, screen, false);
  const name = basename(plan.file);
  const which = name === "server.toml" ? "" : ` -c ${shellWord(name)}`;
  screen.outro(
    "good",
    `${name} is ready. To start: cd ${shellWord(dirname(plan.file))} && server start${which}; then ${urlOf(plan.front)}`,
  );
  return true;
}

const STARTS = {
  unit: ["systemd: installing and starting the service", "installUnit"],
  start: ["Starting", "start"],
  reload: ["Reloading", "reload"],
} as const;

async function start(plan: SetupPlan, { screen, actions, signal }: Running): Promise<boolean> {
  const [text, action] = STARTS[plan.start ?? "start"];
  const work = screen.work(text);
  const outcome = await Promise.race([actions[action](plan.file), aborted(signal)]);
  if (outcome === undefined) {
    work.end("bad", "Interrupted");
    screen.outro(
      "bad",
      "server.toml is written, and the start goes on: server status tells how far it is, server stop ends it.",
    );
    return false;
  }
  const { ok, said } = outcome;
  const lines = said.trimEnd().split("\n");
  if (ok) {
    work.end("good", lines.at(-1) ?? "It serves");
    return true;
  }
  work.end("bad", "It does not start");
  screen.block("It said", lines.slice(-LINES_SHOWN).map(plain));
  screen.outro("bad", "server.toml is written. When that is mended: server start.");
  return false;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (signal.aborted) resolve(undefined);
  signal.addEventListener("abort", () => resolve(undefined), { once: true });
  return promise;
}

async function verify(plan: SetupPlan, kind: JudgeContext["kind"], running: Running): Promise<boolean> {
  const { screen } = running;
  const { front } = plan;
  const log = plan.start === "unit" ? "server logs" : LOG_NAME;
  const judgements: Judgement[] = [];
  const work = screen.work("Asking for a page");
  const page = await askFront(front, front.path);
  const failure =
    typeof page !== "string" && page.status >= 500 ? await failureOf(plan, page.status, running) : undefined;
  const hint = failure?.lines.map(hintFor).findLast((each) => each !== undefined);
  judgements.push(judgePage(front.path, page, { host: hostOf(front), kind, log, hint }));
  const file = front.files === undefined ? undefined : someFile(front.files.folder);
  if (front.files !== undefined && file !== undefined) {
    const path = front.files.prefix + file.path;
    judgements.push(judgeFile(path, await askFront(front, path), file.size, front.files.folder));
  }
  const [first, ...rest] = judgements;
  if (first !== undefined) work.end(first.good ? "good" : "bad", first.what);
  for (const { good, what } of rest) screen.say(good ? "good" : "bad", what);
  if (failure !== undefined && failure.lines.length > 0)
    screen.block(failure.title, failure.lines.slice(-LINES_SHOWN).map(plain));
  let isCertified = typeof page !== "string" && page.trusted === true;
  if (typeof page !== "string" && page.trusted === false) {
    const certificate = await judgeCertificate(plan, running);
    judgements.push(...certificate.judgements);
    isCertified = certificate.isThere;
  }
  advise(plan, screen, isCertified);
  const failed = judgements.filter(({ good }) => !good);
  if (failed.length === 0) screen.outro("good", `${urlOf(front)} is served.`);
  else screen.outro("bad", `It runs, but: ${failed.map(({ remedy }) => remedy).join("; ")}.`);
  return failed.length === 0;
}

/** One that is ordered is waited for; of the others is told what browsers would not like. */
async function judgeCertificate(
  plan: SetupPlan,
  { screen, actions, signal }: Running,
): Promise<{ readonly judgements: readonly Judgement[]; readonly isThere: boolean }> {
  const { https } = plan.front;
  if (https !== "auto") {
    screen.say("warn", DISTRUST[https]);
    return { judgements: [], isThere: false };
  }
  const work = screen.work("Waiting for the certificate");
  const end = await awaitCertificate(
    () => actions.certificate(plan.file),
    () => signal.aborted,
  );
  if (end.kind === "problem") {
    const what = "The certificate could not be ordered";
    work.end("bad", `${what}: ${end.problems.join("; ")}`);
    const remedy = "when that is mended, the server orders again by itself; server cert test explains more";
    return { judgements: [{ good: false, what, remedy }], isThere: false };
  }
  if (end.kind === "there") work.end("good", "The certificate is there");
  else work.end("warn", DISTRUST.auto);
  return { judgements: [], isThere: end.kind === "there" };
}

/** Why browsers would not take the certificate that was shown. */
const DISTRUST: Readonly<Record<SetupPlan["front"]["https"], string>> = {
  off: "",
  auto: "The certificate is not there yet; server status tells how far it is.",
  files:
    "Browsers would not take this certificate: it is for another name, has ended, or nobody that they know has signed it. server cert tells more.",
  internal: "Browsers believe the certificate once they know this machine's authority: server cert trust.",
};

interface PageFailure {
  readonly title: string;
  readonly lines: readonly string[];
}

/** What the project or the log says of a page that failed. */
async function failureOf(plan: SetupPlan, status: number, running: Running): Promise<PageFailure> {
  const { django, front, file } = plan;
  const host = hostOf(front) ?? front.address;
  const said = django !== undefined && status === 500 ? await whyFails(django, host, running) : [];
  if (said.length > 0) return { title: "Django says", lines: said };
  return { title: `The end of ${LOG_NAME}`, lines: tailOf(join(dirname(file), LOG_NAME)).filter(isTelling) };
}

function isTelling(line: string): boolean {
  return !/\[(debug|info|notice)\]|" \d{3} \d+ "/.test(line);
}

/** Also of what was only to be shown. */
export function advise(
  { advice, untilCertificate }: SetupPlan,
  screen: Pick<Screen, "say">,
  isCertified: boolean,
): void {
  for (const text of [...advice, ...(isCertified ? [] : untilCertificate)]) screen.say("warn", text);
}
