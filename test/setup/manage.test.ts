/** manage.py check with and without --deploy, by a manage.py that is scripted. */
import { expect, test } from "bun:test";
import { here } from "../../src/machine/here.ts";
import type { Ran } from "../../src/machine/surroundings.ts";
import { checkDeploy } from "../../src/setup/manage.ts";
import type { Screen } from "../../src/setup/screen.ts";

const DJANGO = { python: "python", root: "/", environment: {}, collect: undefined, https: false };

/** What it returns, what was seen, and how often manage.py ran. `check` is its answer without --deploy. */
async function checked(deploy: Partial<Ran>, check: Partial<Ran> = {}, signal = new AbortController().signal) {
  const said: string[] = [];
  const unused = () => {
    throw new Error("is not used");
  };
  const screen: Screen = {
    intro: unused,
    rows: unused,
    say: unused,
    ask: unused,
    outro: unused,
    block: (title, lines) => void said.push(title, ...lines.map(({ text }) => text)),
    work: () => ({ update: unused, end: (tone, text) => void said.push(`${tone}: ${text}`) }),
  };
  let runs = 0;
  const run = (words: readonly string[]) => {
    runs++;
    const silent: Ran = { code: 0, stdout: "", stderr: "", result: "", failure: undefined };
    return Promise.resolve({ ...silent, ...(words.includes("--deploy") ? deploy : check) });
  };
  const failure = await checkDeploy(DJANGO, { surroundings: { ...here({}), run }, screen, signal });
  return { failure, said, runs };
}

const FAILED = `SystemCheckError: System check identified some issues:

ERRORS:
?: (mail.E001) Your MAILERS setting uses a development-only email backend.
\tHINT: Use a production-ready email backend.

WARNINGS:
?: (security.W018) You should not have DEBUG set to True in deployment.

System check identified 2 issues (0 silenced).
`;

test("what only --deploy finds is advice, errors with their hints before warnings", async () => {
  expect(await checked({ code: 1, stderr: FAILED })).toEqual({
    failure: undefined,
    said: [
      "warn: manage.py check --deploy: an error, a warning",
      "Django advises",
      "mail.E001: Your MAILERS setting uses a development-only email backend. Use a production-ready email backend.",
      "security.W018: You should not have DEBUG set to True in deployment.",
    ],
    runs: 2,
  });
});

test("without an error it is asked once", async () => {
  expect(await checked({})).toEqual({
    failure: undefined,
    said: ["good: manage.py check --deploy: nothing to say"],
    runs: 1,
  });
});

test("a check of --deploy that breaks is shown as it is", async () => {
  const stderr = "Traceback (most recent call last):\nZeroDivisionError: division by zero\n";
  const { failure, said } = await checked({ code: 1, stderr });
  expect(failure).toBeUndefined();
  expect(said.slice(0, 2)).toEqual(["warn: manage.py check --deploy ended with status 1", "It said"]);
  expect(said.at(-1)).toBe("ZeroDivisionError: division by zero");
});

test("what Django would not serve with is a failure", async () => {
  const stderr = "ModuleNotFoundError: No module named 'nothing'\n";
  const { failure, said } = await checked({ code: 1, stderr: FAILED }, { code: 1, stderr });
  expect(failure).toEqual({
    title: "manage.py check",
    lines: ["ModuleNotFoundError: No module named 'nothing'"],
    remedy: "server.toml is written. When that is mended: server start.",
  });
  expect(said).toEqual(["bad: manage.py check ended with status 1"]);
});

test("when it was ended by the person who waits, nothing more is run", async () => {
  const killed = { code: undefined, failure: "SIGTERM" };
  const { failure, runs } = await checked(killed, {}, AbortSignal.abort());
  expect([failure?.title, runs]).toEqual(["manage.py check", 1]);
});
