/** manage.py, run with the project's interpreter and settings: collectstatic and check --deploy, with what they are at. */
import type { DjangoWork } from "./plan.ts";
import type { Screen } from "./screen.ts";
import { plain } from "./screen.ts";
import type { Ran, Surroundings } from "../machine/surroundings.ts";

export interface ManageFailure {
  readonly title: string;
  readonly lines: readonly string[];
  readonly remedy: string;
}

interface Managing {
  readonly surroundings: Surroundings;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** A project with a hundred thousand files on a network disk. */
const COLLECT_TIMEOUT_MS = 15 * 60_000;
const CHECK_TIMEOUT_MS = 120_000;

/** How many lines of a failed program are shown: its end. */
export const LINES_SHOWN = 15;

/** In place of manage.py while STATIC_ROOT is not in the settings: they have it for this once. */
const COLLECT_INTO = `import sys
import django
from django.conf import settings
from django.core.management import call_command
settings.STATIC_ROOT = sys.argv[1]
django.setup()
call_command("collectstatic", interactive=False, verbosity=2)
`;

/** The same page, asked inside one process, so that what goes wrong is seen: with DEBUG off Django's own log has nothing. */
const ASK_INSIDE = `import sys
import traceback
import django
django.setup()
from django.test import Client
try:
    Client(raise_request_exception=True).get("/", HTTP_HOST=sys.argv[1], secure=sys.argv[2] == "https")
except Exception as error:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and "dist-packages" not in frame.filename]
    kept = [frame for frame in own[1:] if "<string>" not in frame.filename] or frames[-2:]
    print("".join(traceback.format_list(kept) + traceback.format_exception_only(type(error), error)), end="")
`;
const ASK_TIMEOUT_MS = 60_000;

/** The traceback of the first page, which is answered 500; empty when it is not to be had. */
export async function whyFails(
  { python, root, environment, https }: DjangoWork,
  host: string,
  { surroundings, signal }: Managing,
): Promise<readonly string[]> {
  const words = [python, "-c", ASK_INSIDE, host, https ? "https" : "http"];
  const ran = await surroundings.run(words, { folder: root, timeoutMs: ASK_TIMEOUT_MS, environment, signal });
  return output(ran.stdout, "");
}

/** Undefined: it went well. */
export async function collectStatic(django: DjangoWork, managing: Managing): Promise<ManageFailure | undefined> {
  const { python, root, environment, collect } = django;
  if (collect === undefined) return undefined;
  const work = managing.screen.work("collectstatic");
  let count = 0;
  const line = (text: string) => {
    if (/^(Copying|Linking|Post-processed|Pretending) /.test(text)) count++;
    work.update(`collectstatic: ${count} files, ${text}`);
  };
  const words = collect.settingsLack
    ? [python, "-c", COLLECT_INTO, collect.into]
    : [python, "manage.py", "collectstatic", "--no-input", "--verbosity", "2"];
  const { signal } = managing;
  const ran = await managing.surroundings.run(words, {
    folder: root,
    timeoutMs: COLLECT_TIMEOUT_MS,
    environment,
    line,
    signal,
  });
  if (ran.code === 0) {
    const total = /^(\d+ .*static files?.*)$/m.exec(ran.stdout)?.[1];
    work.end("good", `collectstatic: ${total ?? `${count} files`}`);
    return undefined;
  }
  work.end("bad", `collectstatic ended with ${ran.failure ?? `status ${ran.code}`}`);
  return {
    title: "manage.py collectstatic",
    lines: output(ran.stdout.replace(/^(Copying|Linking|Post-processed|Found another file) .*$/gm, ""), ran.stderr),
    remedy: collect.settingsLack
      ? "server.toml is written. When that is mended, start server setup again."
      : `server.toml is written. When that is mended: ${python} manage.py collectstatic, then server start.`,
  };
}

/** What would keep Django from serving keeps the site from being started; what only --deploy finds is shown. */
export async function checkDeploy(django: DjangoWork, managing: Managing): Promise<ManageFailure | undefined> {
  const { screen, signal } = managing;
  const work = screen.work("manage.py check --deploy");
  const deploy = await check(django, managing, "--deploy");
  if (deploy.code !== 0) {
    // Its errors and those of the project itself end it alike: without --deploy only the latter do.
    const plainly = signal.aborted ? deploy : await check(django, managing);
    if (plainly.code !== 0) {
      work.end("bad", `manage.py check ended with ${plainly.failure ?? `status ${plainly.code}`}`);
      const remedy = "server.toml is written. When that is mended: server start.";
      return { title: "manage.py check", lines: output(plainly.stdout, plainly.stderr), remedy };
    }
  }
  const { errors, warnings } = deployFindings(deploy.stdout + deploy.stderr, django.https);
  if (deploy.code !== 0 && errors.length === 0) {
    // A check that breaks, or takes too long.
    work.end("warn", `manage.py check --deploy ended with ${deploy.failure ?? `status ${deploy.code}`}`);
    screen.block("It said", output(deploy.stdout, deploy.stderr).slice(-LINES_SHOWN).map(plain));
    return undefined;
  }
  const counts = [
    ...counted(errors.length, "an error", "errors"),
    ...counted(warnings.length, "a warning", "warnings"),
  ];
  if (counts.length === 0) work.end("good", "manage.py check --deploy: nothing to say");
  else {
    work.end("warn", `manage.py check --deploy: ${counts.join(", ")}`);
    screen.block("Django advises", [...errors, ...warnings].map(plain));
  }
  return undefined;
}

function check({ python, root, environment }: DjangoWork, managing: Managing, ...flags: string[]): Promise<Ran> {
  const { signal } = managing;
  const options = { folder: root, timeoutMs: CHECK_TIMEOUT_MS, environment, signal };
  return managing.surroundings.run([python, "manage.py", "check", ...flags], options);
}

function counted(count: number, one: string, many: string): string[] {
  return count === 0 ? [] : [count === 1 ? one : `${count} ${many}`];
}

/** What this server does in Django's place. */
const DONE_HERE: Readonly<Record<string, string>> = {
  "security.W004": 'hsts = "1y" in [[site]] does the same.',
  "security.W008": "This server redirects by itself.",
};

export interface DeployFindings {
  /** `mail.E001: Your MAILERS setting uses …`, each with Django's hint. */
  readonly errors: readonly string[];
  /** `security.W004: You have not set a value for …`, the first sentence of each. */
  readonly warnings: readonly string[];
}

export function deployFindings(text: string, https: boolean): DeployFindings {
  // Errors come first, under a heading of their own, and it is there only when there are some.
  const [, failed = ""] =
    /^(?:CRITICALS|ERRORS):\n([^]*?)(?=^(?:WARNINGS|INFOS|DEBUGS):$|^System check identified|(?![^]))/m.exec(text) ??
    [];
  const errors = [...failed.matchAll(/^(\S.*?): (?:\(([\w.]+)\) )?(.*)(?:\n\tHINT: (.*))?$/gm)].map(
    ([, of = "", code, sentence = "", hint]) =>
      [`${code ?? of}: ${sentence}`, ...(hint === undefined ? [] : [hint])].join(" "),
  );
  const warnings = [...text.replace(failed, "").matchAll(/^\?: \(([\w.]+)\) (.*)$/gm)].map(
    ([, code = "", sentence = ""]) => {
      const first = /^.*?[.](?= |$)/.exec(sentence)?.[0] ?? sentence;
      const here = https ? DONE_HERE[code] : undefined;
      return `${code}: ${first}${here === undefined ? "" : ` ${here}`}`;
    },
  );
  return { errors, warnings };
}

function output(stdout: string, stderr: string): string[] {
  return `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
}
