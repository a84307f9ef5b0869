import { describe, expect, test } from "bun:test";
import { hintFor } from "../../src/project/hints.ts";
import { ERRORS_MAX, RecentErrors } from "../../src/master/recent-errors.ts";

const AT = "2026/11/29 12:00:00 ";

describe("the last errors", () => {
  test("are kept without their time, the newest last, with a hint where one is known", () => {
    const errors = new RecentErrors();
    errors.add(`${AT}[error] master: one\n`, "error", 1);
    errors.add(`${AT}[notice] master: nothing to speak of\n`, "notice", 2);
    errors.add(`${AT}[crit] logs: ENOSPC: no space left\n`, "crit", 3);
    expect(errors.all).toEqual([
      { at: 1, times: 1, text: "[error] master: one", hint: undefined },
      { at: 3, times: 1, text: "[crit] logs: ENOSPC: no space left", hint: expect.stringContaining("df -h") },
    ]);
  });

  test("that come again are one, whatever numbers are in them", () => {
    const errors = new RecentErrors();
    errors.add("[error] worker 1 (pid 17) died\n", "error", 1);
    errors.add("[error] other\n", "error", 2);
    errors.add("[error] worker 2 (pid 18) died\n", "error", 3);
    expect(errors.all.map(({ at, times, text }) => [at, times, text])).toEqual([
      [2, 1, "[error] other"],
      [3, 2, "[error] worker 2 (pid 18) died"],
    ]);
  });

  test("are bounded", () => {
    const errors = new RecentErrors();
    for (let i = 0; i < 40; i++) errors.add(`[error] ${"x".repeat(i)} y\n`, "error", i);
    expect(errors.all.length).toBe(ERRORS_MAX);
    expect(errors.all.at(-1)?.at).toBe(39);
  });

  test("of what a worker prints the exception counts, not the lines that lead to it", () => {
    const errors = new RecentErrors();
    for (const line of [
      "Internal Server Error: /x",
      "Traceback (most recent call last):",
      '  File "/srv/views.py", line 3, in view',
      '    raise ValueError("no such table: x")',
      "ValueError: not today",
      "a line on stderr",
      "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
    ])
      errors.add(`${AT}[error] app mysite: worker 1: ${line}\n`, "error", 1);
    expect(errors.all.map(({ text }) => text.replace(/.*worker 1: /, ""))).toEqual([
      "ValueError: not today",
      "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
    ]);
  });

  test("of a log in JSON, too", () => {
    const errors = new RecentErrors();
    errors.add('{"time":"x","level":"error","source":"app a","message":"worker 1:   File \\"x\\""}\n', "error", 1);
    errors.add('{"time":"x","level":"error","source":"app a","message":"worker 1: KeyError: \'a\'"}\n', "error", 2);
    expect(errors.all.map(({ at }) => at)).toEqual([2]);
  });
});

test.each([
  ["ModuleNotFoundError: No module named 'rest_framework'", "rest_framework is not installed"],
  ["Invalid HTTP_HOST header: 'shop.example'. You may need", "shop.example belongs into ALLOWED_HOSTS"],
  ["django.db.utils.OperationalError: no such table: shop_order", "migrate"],
  ["sqlite3.OperationalError: database is locked", "SQLite"],
  ["django.db.utils.OperationalError: attempt to write a readonly database", "must be able to write"],
  [
    'OperationalError: connection to server at "localhost", port 5432 failed: Connection refused',
    "the database does not answer",
  ],
  [
    "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.",
    "Redis does not answer at localhost:6379",
  ],
  ["worker 1 (pid 7) was killed by SIGKILL (out of memory)", "max_rss"],
  ["open(/x): EACCES: permission denied", "ls -ld"],
])("%s", (text, hint) => {
  expect(hintFor(text)).toContain(hint);
});

test("nothing is said of what nobody knows", () => {
  expect(hintFor("[error] master: something else")).toBeUndefined();
});
