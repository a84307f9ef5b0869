/** The sample project's preparation: what it chooses, what it refuses, what it writes. */
import { describe, expect, test } from "bun:test";
import { sampleConfig } from "../../scripts/sample/config.ts";
import { chooseDjango, type Django } from "../../scripts/sample/django.ts";
import { run } from "../../scripts/sample/run.ts";

describe("choosing a Django", () => {
  test("a source that does not exist is refused, and the known ones are named", () => {
    expect(() => chooseDjango("conda", () => {})).toThrow(
      'DJANGO_FROM is "conda"; it can be interpreter, pypi, debian',
    );
  });

  test("the wanted source is the only one that is tried", () => {
    try {
      expect(chooseDjango("interpreter", () => {}).source).toBe("interpreter");
    } catch (error) {
      expect(String(error)).toContain("interpreter: ");
      expect(String(error)).not.toContain("pypi: ");
    }
  });
});

test("the configuration is TOML that names the project, its data and its address", () => {
  const django: Django = { source: "pypi", python: '/a "b"/python', pythonVersion: "3.12.0", version: "5.2" };
  const options = { django, data: "/data", listen: "127.0.0.1:8001", names: ["localhost"], processes: 3, threads: 4 };
  const read = Bun.TOML.parse(sampleConfig(options));
  expect(read).toMatchObject({
    app: { mysite: { python: '/a "b"/python', processes: 3, threads: 4, env: { MYSITE_DATA: "/data" } } },
    site: [{ names: ["localhost"], listen: ["127.0.0.1:8001"], routes: { "/static/": { files: "/data/static/" } } }],
  });
});

test("a program that does not exist ends with 127, as in a shell", () => {
  expect(run(["no-such-program-anywhere"])).toEqual({
    code: 127,
    stdout: "",
    stderr: "no-such-program-anywhere: not found",
  });
});
