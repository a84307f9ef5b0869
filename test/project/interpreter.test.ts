import { expect, test } from "bun:test";
import { findCandidates, findInterpreter } from "../../src/project/interpreter.ts";
import { surroundingsOf, type Table } from "../support/surroundings.ts";

const venv = (folder: string) => ({ files: { [`${folder}/pyvenv.cfg`]: "" }, executables: [`${folder}/bin/python`] });

async function candidates(table: Table) {
  const found = await findCandidates(surroundingsOf(table), "/srv/app");
  return found.map(({ origin, python }) => `${origin} ${python}`);
}

test("virtualenvs near the project come before those of the shell, and the system's Python comes last", async () => {
  const all = ["/srv/app/.venv", "/srv/venv", "/srv/app/myenv", "/other/env"].map(venv);
  const table = {
    files: Object.assign({}, ...all.map(({ files }) => files)) as Record<string, string>,
    executables: [...all.flatMap(({ executables }) => executables), "/usr/bin/python3"],
    environment: { VIRTUAL_ENV: "/other/env", PATH: "/usr/bin" },
  };
  expect(await candidates(table)).toEqual([
    ".venv /srv/app/.venv/bin/python",
    "venv /srv/venv/bin/python",
    "VIRTUAL_ENV /other/env/bin/python",
    "myenv /srv/app/myenv/bin/python",
    "PATH /usr/bin/python3",
  ]);
});

test("poetry and pipenv are asked where they keep theirs, uv names its own", async () => {
  const table: Table = {
    files: { "/srv/app/poetry.lock": "", "/srv/app/Pipfile": "" },
    executables: ["/cache/poetry/bin/python", "/cache/pipenv/bin/python", "/cache/uv/bin/python"],
    environment: { UV_PROJECT_ENVIRONMENT: "/cache/uv", PATH: "/usr/bin" },
    run: ([tool, first]) => {
      if (tool === "poetry" && first === "env") return { stdout: "/cache/poetry\n" };
      return tool === "pipenv" ? { stdout: "Loading .env…\n/cache/pipenv\n" } : undefined;
    },
  };
  expect(await candidates(table)).toEqual([
    "uv /cache/uv/bin/python",
    "poetry /cache/poetry/bin/python",
    "pipenv /cache/pipenv/bin/python",
  ]);
  const withoutFiles = { ...table, files: {} };
  expect(await candidates(withoutFiles)).toEqual(["uv /cache/uv/bin/python"]);
});

test("a tool that the project uses and that tells of no virtualenv is told", async () => {
  const files = { "/srv/app/poetry.lock": "", "/srv/app/Pipfile": "", "/srv/app/uv.lock": "" };
  const table: Table = {
    files,
    executables: ["/usr/bin/python3"],
    environment: { PATH: "/usr/bin" },
    run: ([tool]) => (tool === "poetry" ? { failure: "ENOENT" } : tool === "pipenv" ? { code: 1 } : told("5.2")),
  };
  const { chosen, others } = await findInterpreter(surroundingsOf(table), "/srv/app", "django");
  expect(chosen?.python).toBe("/usr/bin/python3");
  expect(others.map((each) => `${each.python}: ${"failure" in each ? each.failure : ""}`)).toEqual([
    "poetry env info --path: it is not on the PATH",
    "pipenv --venv: it tells of no virtualenv, and pipenv install makes it",
    "/srv/app/.venv: it is not there, and uv sync makes it",
  ]);
});

const told = (django: string | null) => ({
  result: JSON.stringify({ version: "3.12.1", executable: "", django, modules: [] }),
});

test("the first that has Django is taken; without one, the first that runs", async () => {
  const table = (djangoOf: Record<string, string | null>): Table => ({
    ...venv("/srv/app/.venv"),
    executables: ["/srv/app/.venv/bin/python", "/usr/bin/python3"],
    environment: { PATH: "/usr/bin" },
    run: ([python = ""]) =>
      djangoOf[python] === undefined ? { code: 1, stderr: "Traceback\nboom" } : told(djangoOf[python]),
  });
  const choose = async (djangoOf: Record<string, string | null>) => {
    const { chosen, others } = await findInterpreter(surroundingsOf(table(djangoOf)), "/srv/app", "django");
    return [chosen?.python, chosen?.django, ...others.map((each) => ("failure" in each ? each.failure : each.version))];
  };
  expect(await choose({ "/srv/app/.venv/bin/python": "5.2", "/usr/bin/python3": "3.2" })).toEqual([
    "/srv/app/.venv/bin/python",
    "5.2",
  ]);
  expect(await choose({ "/srv/app/.venv/bin/python": null, "/usr/bin/python3": "3.2" })).toEqual([
    "/usr/bin/python3",
    "3.2",
    "3.12.1",
  ]);
  expect(await choose({ "/srv/app/.venv/bin/python": null })).toEqual([
    "/srv/app/.venv/bin/python",
    undefined,
    "status 1: boom",
  ]);
  expect(await choose({})).toEqual([undefined, undefined, "status 1: boom", "status 1: boom"]);
});

test("one that is named is taken whatever it has, as a virtualenv or as an interpreter", async () => {
  const machine = surroundingsOf({ ...venv("/opt/v"), run: () => told(null) });
  const wanted = async (path: string) => (await findInterpreter(machine, "/srv/app", "django", path)).chosen?.python;
  expect(await wanted("/opt/v")).toBe("/opt/v/bin/python");
  expect(await wanted("/usr/bin/python3.9")).toBe("/usr/bin/python3.9");
});
