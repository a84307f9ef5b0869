/** The command that installs what a project says it needs. */
import { join } from "node:path";
import type { Files } from "../machine/surroundings.ts";

/** What a project lists its packages in, and who installs them. */
const INSTALLERS: readonly (readonly [file: string, command: (python: string, file: string) => string])[] = [
  ["uv.lock", () => "uv sync"],
  ["poetry.lock", () => "poetry install"],
  ["Pipfile", () => "pipenv install"],
  ["requirements.txt", pip],
  ["requirements/production.txt", pip],
  ["requirements/base.txt", pip],
];

function pip(python: string, file: string): string {
  return `${python} -m pip install -r ${file}`;
}

/** Undefined: the project does not say. */
export function installerOf(files: Files, { root, python }: { root: string; python: string }): string | undefined {
  const [file, command] = INSTALLERS.find(([name]) => files.kind(join(root, name)) === "file") ?? [];
  return file === undefined ? undefined : command?.(python, file);
}
