import { expect, test } from "bun:test";
import { plainScreen } from "../../src/setup/plain-screen.ts";
import { type Question, yesOrNo } from "../../src/setup/question.ts";

function stage(typed: readonly (string | undefined)[], columns?: number) {
  const lines = [...typed];
  let written = "";
  const screen = plainScreen({
    write: (text) => void (written += text),
    readLine: () => Promise.resolve(lines.shift()),
    columns,
  });
  return { screen, text: () => written };
}

const DOMAIN: Question = {
  id: "domain",
  kind: "text",
  message: "Under which names?",
  why: ["From ALLOWED_HOSTS."],
  initial: "a.org",
  refuse: (typed) => (typed === "bad" ? "bad: should be a name" : undefined),
};
const START = yesOrNo({ id: "start", message: "Start it now?", why: [], initial: "yes" }, "Yes", "Later");

test("a field: the offer for an empty line, another answer, none, back and the end", async () => {
  const ask = async (...typed: (string | undefined)[]) => stage(typed).screen.ask(DOMAIN);
  expect(await ask("")).toEqual({ answer: "a.org" });
  expect(await ask(" b.org ")).toEqual({ answer: "b.org" });
  expect(await ask("-")).toEqual({ answer: "" });
  expect(await ask("<")).toBe("back");
  expect(await ask(undefined)).toBe("leave");
});

test("what cannot be used is told, and asked again", async () => {
  const { screen, text } = stage(["bad", "b.org"]);
  expect(await screen.ask(DOMAIN)).toEqual({ answer: "b.org" });
  expect(text()).toBe(`
Under which names?
  From ALLOWED_HOSTS.
Answer, < for back, - for none [a.org]: bad: should be a name
Answer, < for back, - for none [a.org]: `);
});

test("a choice by its number, by its word, or as it is offered", async () => {
  const ask = async (...typed: string[]) => stage(typed).screen.ask(START);
  expect(await ask("2")).toEqual({ answer: "no" });
  expect(await ask("no")).toEqual({ answer: "no" });
  expect(await ask("")).toEqual({ answer: "yes" });
  const { screen, text } = stage(["3", "1"]);
  expect(await screen.ask(START)).toEqual({ answer: "yes" });
  expect(text()).toContain("should be a number from 1 to 2\n");
});

test("none is offered where none is an answer; a terminal's lines are broken at words", async () => {
  const count: Question = {
    ...DOMAIN,
    initial: "2",
    refuse: (typed) => (typed === "" ? "should be a number" : undefined),
  };
  const { screen, text } = stage([""], 24);
  await screen.ask({ ...count, why: ["One process with the project takes 43 MB."] });
  expect(text()).toBe(`
Under which names?
  One process with the
  project takes 43 MB.
Answer, < for back [2]: `);
  const file = stage([""]);
  await file.screen.ask({ ...count, initial: "" });
  expect(file.text()).toEndWith("Answer, < for back: ");
});

test("everything else is lines, without a sign that only draws", () => {
  const { screen, text } = stage([]);
  screen.intro("server setup", false);
  screen.rows("What is here", [
    ["Project", "Django"],
    ["", "more"],
  ]);
  screen.block("A change", [
    { text: "old", tone: "remove" },
    { text: "new", tone: "add" },
  ]);
  screen.say("bad", "no");
  const work = screen.work("Starting");
  work.update("nothing of this");
  work.end("good", "serving");
  screen.work("Looking").end("good", "");
  screen.outro("good", "served");
  expect(text()).toBe(`server setup

What is here:
  Project: Django
    more

A change:
- old
+ new

problem: no
Starting …
ok: serving
Looking …

served
`);
});
