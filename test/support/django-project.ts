/** Django projects as people begin them, for tests that look at one. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Django } from "../../scripts/sample/django.ts";
import { writeFiles } from "./folder.ts";

/** As `django-admin startproject shop .` leaves it, with a virtualenv that has Django. */
export function makeDjangoProject(folder: string, django: Django): string {
  writeFiles(folder, { "requirements.txt": "django\n" });
  const made = Bun.spawnSync([django.python, "-m", "django", "startproject", "shop", "."], { cwd: folder });
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  makeVirtualenv(join(folder, ".venv"), django);
  return folder;
}

/** Without copying Django: it looks where the interpreter that has it looks. */
export function makeVirtualenv(path: string, django: Django): void {
  const made = Bun.spawnSync([django.python, "-m", "venv", "--without-pip", path]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const where = Bun.spawnSync([
    django.python,
    "-c",
    "import django, os; print(os.path.dirname(os.path.dirname(django.__file__)))",
  ]);
  const [library] = readdirSync(join(path, "lib"));
  writeFiles(path, { [`lib/${library}/site-packages/there.pth`]: where.stdout.toString() });
}
