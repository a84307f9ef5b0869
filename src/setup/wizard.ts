/**
 * The conversation: look, ask, show all that will be done, and only then do it. The screen is handed in, and so is
 * everything that touches the machine; what is asked and what follows is decided in the pure rooms around.
 */
import { upperFirst } from "../base/words.ts";
import { answerQuestion, beginDialog, type Dialog, nextQuestion, stepBack, unusedFlags } from "./dialog.ts";
import { diffLines } from "./diff.ts";
import type { Looking } from "./looking.ts";
import { MEND_FIRST, obstacleOf } from "./obstacle.ts";
import { makePlan, type SetupPlan } from "./plan.ts";
import { machineRows, projectRows } from "./portrait.ts";
import { type Answers, type ChoiceQuestion, type Question, type QuestionId, refuseAnswer } from "./question.ts";
import { askFor } from "./questions.ts";
import { dim, type Line, plain, type Reply, type Screen } from "./screen.ts";
import { relativeTo, type Seen } from "./seen.ts";
import { isSettled } from "./settled.ts";
import { type Actions, advise, carryOut } from "./steps.ts";

export interface WizardOptions {
  readonly given: Answers;
  /** Offers are taken as answers, and writing is agreed to. */
  readonly yes: boolean;
  /** Somebody sits there. */
  readonly canAsk: boolean;
  readonly dryRun: boolean;
}

export type WizardEnd = "done" | "failed" | "usage";

export async function runWizard(
  looking: Looking,
  screen: Screen,
  actions: Actions,
  options: WizardOptions,
): Promise<WizardEnd> {
  screen.intro("server setup", options.canAsk && !options.yes);
  const talk = new Talk(looking, screen, options);
  const agreed = await talk.untilAgreed();
  if (typeof agreed === "string") return agreed;
  if (options.dryRun) return "done";
  const { signal } = looking;
  const root = agreed.seen.facts?.project.root;
  const surroundings = root === undefined ? looking.surroundings : looking.runningFor(root);
  const kind = agreed.seen.facts?.project.kind ?? "proxy";
  const went = await carryOut(agreed.plan, kind, { surroundings, screen, actions, signal });
  return went ? "done" : "failed";
}

interface Agreed {
  readonly plan: SetupPlan;
  readonly seen: Seen;
}

class Talk {
  private readonly looking: Looking;
  private readonly screen: Screen;
  private readonly options: WizardOptions;
  private dialog: Dialog;
  /** What of the facts was shown. */
  private shown: unknown;
  private machineShown = false;
  private readonly missing: Missing[] = [];

  constructor(looking: Looking, screen: Screen, options: WizardOptions) {
    this.looking = looking;
    this.screen = screen;
    this.options = options;
    this.dialog = beginDialog(options.given);
  }

  async untilAgreed(): Promise<Agreed | WizardEnd> {
    for (;;) {
      const seen = await this.look();
      if (this.looking.signal.aborted) return this.leave();
      const obstacle = obstacleOf(seen, this.dialog.answers);
      if (obstacle !== undefined) return this.stop("failed", obstacle);
      if (!this.options.dryRun && seen.unwritable !== undefined)
        return this.stop("failed", cannotWrite(seen, seen.unwritable));
      const next = nextQuestion(this.dialog, seen, askFor);
      if (next?.wrong !== undefined) return this.stop("usage", `--${next.question.id} ${next.wrong}`);
      const end = next === undefined ? await this.agree(seen) : await this.ask(next.question);
      if (end !== undefined) return end;
    }
  }

  private async look(): Promise<Seen> {
    const pending = this.looking.pending(this.dialog.answers);
    const work = pending === undefined ? undefined : this.screen.work(pending);
    const seen = await this.looking.look(this.dialog.answers);
    work?.end("good", "");
    // What was cut short is no fact.
    if (this.looking.signal.aborted) return seen;
    if (!this.machineShown) this.screen.rows("This machine", machineRows(seen));
    this.machineShown = true;
    if (seen.facts !== undefined && seen.facts !== this.shown) this.showProject(seen);
    this.shown = seen.facts ?? this.shown;
    return seen;
  }

  private showProject(seen: Seen): void {
    this.screen.rows("What is here", projectRows(seen));
    const failure = seen.facts?.loaded?.failure;
    if (failure === undefined) return;
    this.screen.block(upperFirst(failure.what), failure.lines.map(dim));
    this.screen.say("info", `What to do: ${failure.remedy}.`);
  }

  /** Undefined: the talk goes on. */
  private async ask(question: Question): Promise<WizardEnd | undefined> {
    const id = question.id as QuestionId;
    if (!this.options.canAsk || this.options.yes) return this.presume(question, id);
    const reply = await this.screen.ask(question);
    if (reply === "leave" || (typeof reply === "object" && reply.answer === "stop" && id === "broken"))
      return this.leave();
    if (reply === "back") return this.back();
    if (id === "broken" && reply.answer === "again") this.looking.forget();
    else this.dialog = answerQuestion(this.dialog, id, reply.answer);
    return undefined;
  }

  /** With --yes what is offered is the answer; without it, all that is missing is told at once. */
  private presume(question: Question, id: QuestionId): WizardEnd | undefined {
    const answer = question.unasked ?? question.initial;
    if (id === "broken" && answer === "stop") return this.stop("failed", MEND_FIRST);
    const isOffer = refuseAnswer(question, answer) === undefined;
    if (!this.options.yes || !isOffer) this.missing.push({ question, offer: isOffer ? answer : undefined });
    if (!isOffer) return this.stop("usage", missingText(this.missing));
    this.dialog = answerQuestion(this.dialog, id, answer);
    return undefined;
  }

  private back(): WizardEnd | undefined {
    const before = stepBack(this.dialog);
    if (before === undefined) return this.leave();
    this.dialog = before;
    return undefined;
  }

  private leave(): WizardEnd {
    return this.stop("failed", "Nothing was written.");
  }

  private stop(end: WizardEnd, text: string): WizardEnd {
    this.screen.outro("bad", text);
    return end;
  }

  private async agree(seen: Seen): Promise<Agreed | WizardEnd | undefined> {
    const { answers } = this.dialog;
    const unused = unusedFlags(this.dialog, seen, askFor).filter((id) => !isSettled(id, seen, answers));
    if (unused.length > 0) return this.stop("usage", `--${unused[0]} has no meaning here.`);
    if (this.missing.length > 0) return this.stop("usage", missingText(this.missing));
    const plan = makePlan(seen, this.dialog.answers, this.looking.fileFor(seen));
    this.showPlan(plan);
    if (this.options.dryRun) {
      advise(plan, this.screen, false);
      this.screen.outro("good", "Nothing was written, as --dry-run asks.");
      return { plan, seen };
    }
    const reply = await this.consent(plan);
    if (reply === "back") return this.back();
    if (reply === "leave" || reply.answer === "leave") return this.leave();
    return { plan, seen };
  }

  private showPlan(plan: SetupPlan): void {
    if (plan.before === undefined) this.screen.block(plan.file, plan.toml.trimEnd().split("\n").map(tomlLine));
    else this.showDifference(plan, plan.before);
    const rows = doneRows(plan);
    if (rows.length > 0) this.screen.rows("What will be done", rows);
  }

  private showDifference(plan: SetupPlan, before: string): void {
    const lines = diffLines(before, plan.toml);
    if (lines.length === 0) return this.screen.say("info", `${plan.file} is there and stays as it is.`);
    const shown = lines.map((line): Line => {
      if (line === undefined) return dim("…");
      return { text: line.text, tone: line.sign === "+" ? "add" : line.sign === "-" ? "remove" : "dim" };
    });
    this.screen.block(`${plan.file} is there; this would change`, shown);
  }

  private consent(plan: SetupPlan): Promise<Reply> {
    if (this.options.yes) return Promise.resolve({ answer: "write" });
    if (!this.options.canAsk) {
      const text =
        plan.before === undefined
          ? "--yes agrees to it"
          : `${plan.file} is there; --yes agrees to the change, and the old one is kept`;
      this.screen.say("bad", `Nobody can be asked whether to write it: ${text}.`);
      return Promise.resolve("leave");
    }
    return this.screen.ask(writeQuestion(plan));
  }
}

/** Told before anything is asked. */
function cannotWrite({ machine }: Seen, folder: string): string {
  const { name, uid } = machine.host.account;
  return `Nothing can be written in ${folder} by ${name ?? `user ${uid}`}: start server setup as its owner or as root, or name another place with --output FILE.`;
}

interface Missing {
  readonly question: Question;
  /** What --yes would take; undefined when nothing can be offered. */
  readonly offer: string | undefined;
}

function missingText(missing: readonly Missing[]): string {
  const rows = missing.map(({ question, offer }) => {
    const taken = offer === "" ? "none" : offer;
    const row = `    --${question.id}: ${question.message}`;
    return offer === undefined ? [row, ...withoutOffer(question)].join("\n") : `${row} --yes takes ${taken}.`;
  });
  return `Nobody is asked here, and these are not given:\n${rows.join("\n")}`;
}

/** What a person has to know who is to answer it by hand. */
function withoutOffer(question: Question): string[] {
  const choices = question.kind === "choice" ? question.choices : [];
  const rows = choices.map(
    ({ value, label, hint }) =>
      `${value}: ${[label, hint].filter((each) => each !== undefined && each !== value).join(", ")}`,
  );
  return [...question.why, ...rows].map((text) => `        ${text}`);
}

function writeQuestion(plan: SetupPlan): ChoiceQuestion {
  const isSame = plan.before === plan.toml;
  return {
    id: "write",
    kind: "choice",
    message: isSame ? "Do it?" : plan.start === undefined ? "Write it?" : "Write it and start?",
    why: isSame || plan.before === undefined ? [] : ["The old file is kept beside it."],
    choices: [
      { value: "write", label: "Yes" },
      { value: "leave", label: "Leave", hint: "nothing is written" },
    ],
    initial: "write",
  };
}

const STARTS = {
  unit: "install and start a service of systemd",
  start: "server start",
  reload: "server reload",
} as const;

function doneRows(plan: SetupPlan): (readonly [string, string])[] {
  const { django, edit } = plan;
  const root = django?.root ?? "";
  return [
    ...(plan.before === plan.toml ? [] : [["Write", plan.file] as const]),
    ...plan.newFiles.map(({ path }) => ["Write", path] as const),
    ...(edit === undefined ? [] : [["Add", `to ${relativeTo(root, edit.file)}: ${edit.lines.join("; ")}`] as const]),
    ...plan.folders.map(
      ({ path, user }) => ["Make", `the folder ${path}${user === undefined ? "" : `, for ${user}`}`] as const,
    ),
    ...(django?.collect === undefined ? [] : [["Run", "manage.py collectstatic"] as const]),
    ...(django === undefined ? [] : [["Run", "manage.py check --deploy"] as const]),
    ...(plan.start === undefined
      ? []
      : [
          ["Run", `${STARTS[plan.start]}${plan.user === undefined ? "" : `, as ${plan.user}`}`] as const,
          ["Ask for", plan.front.files === undefined ? "a page" : "a page and a static file"] as const,
        ]),
  ];
}

function tomlLine(text: string): Line {
  return text.trimStart().startsWith("#") ? { text, tone: "comment" } : plain(text);
}
