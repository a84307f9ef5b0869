/** Flags of a command that is repeated: what they want is so already, and they are no mistakes. */
import { expect, test } from "bun:test";
import type { Answers, QuestionId } from "../../src/setup/question.ts";
import { askFor } from "../../src/setup/questions.ts";
import { isSettled } from "../../src/setup/settled.ts";
import { ROOT, ROOT_ACCOUNT, seenOf, type Sight } from "../support/setup.ts";

const SITE: Sight = { project: { kind: "static", root: ROOT, name: "shop" } };
const wsgi = (file: string, callable: string): Sight => {
  const module = file.replace(".py", "");
  const found = { file, module, callable, framework: "WSGI", factory: false, asgi: false };
  return { project: { kind: "wsgi", root: ROOT, name: "shop", callables: [found] } };
};
const failure = { what: "it fails", lines: [], remedy: "mend it" };

/** In ALLOWED_HOSTS already. */
const NAMED: Answers = { domain: "www.shop.example.org" };

const CASES: readonly (readonly [QuestionId, string, boolean, Sight?, Answers?])[] = [
  ["lines", "add", true, {}, NAMED],
  ["lines", "leave", true, {}, NAMED],
  ["lines", "ad", false, {}, NAMED],
  ["lines", "add", false, SITE],
  ["lines", "add", false, {}, { import: "yes" }],
  ["lines", "add", false, { settings: { file: undefined } }],
  ["factory", "write", true, wsgi("wsgi.py", "application")],
  ["factory", "write", false, wsgi("app.py", "app")],
  ["factory", "write", false],
  ["callable", "app:app", true, wsgi("app.py", "app")],
  ["callable", "app:other", false, wsgi("app.py", "app")],
  ["project", ".", true],
  ["project", "elsewhere", false],
  ["broken", "ignore", true],
  ["broken", "nonsense", false],
  ["broken", "ignore", false, SITE],
  ["import", "no", true],
  ["import", "yes", false],
  ["collectstatic", "no", true, SITE],
  ["collectstatic", "yes", false, SITE],
  ["user", "ann", true],
  ["user", "bob", false],
  ["user", "root", false, { host: { account: ROOT_ACCOUNT } }, { unit: "yes" }],
  ["start", "yes", true, {}, { unit: "yes" }],
  ["start", "no", false, {}, { unit: "yes" }],
  ["uploads", "public", false],
  ["threads", "2", false, SITE],
];

for (const [id, value, settled, sight = {}, answers = {}] of CASES)
  test(`--${id} ${value} is ${settled ? "so already" : "a mistake"}: ${JSON.stringify([sight, answers])}`, () => {
    const seen = seenOf(sight);
    const given = { ...answers, [id]: value };
    expect(askFor(id, seen, given)).toBeUndefined();
    expect(isSettled(id, seen, given)).toBe(settled);
  });

test("what is asked is judged by the question", () => {
  const seen = seenOf({ loaded: { failure } });
  expect(askFor("broken", seen, { broken: "ignore" })).toBeDefined();
  expect(isSettled("broken", seen, { broken: "ignore" })).toBe(false);
});
