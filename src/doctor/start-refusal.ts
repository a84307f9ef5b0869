/**
 * Why an interpreter does not start as its user, where it is a matter of permissions: python below a private home directory,
 * such as /root/.pyenv, which a virtualenv elsewhere leads to, or its library, without which it says something about
 * encodings. Asked only when it did not start.
 */
import { dirname, join, resolve } from "node:path";
import type { AppConfig } from "../config/config.ts";
import type { Files } from "../machine/surroundings.ts";
import { describe, refusalOf } from "./access.ts";
import { ownerName } from "./accounts.ts";
import type { Ground, Need, Serving } from "./ground.ts";

/** As the kernel has it (path_resolution(7)). */
const LINKS_MAX = 40;

const OPEN: readonly Need[] = ["read", "search"];

/** `its own library, /root/.pyenv/…, may not be read by www-data: /root has mode 700, owner root:root`. Undefined: nothing of it
 *  is refused. */
export async function startRefusal(app: AppConfig, who: Serving, ground: Ground): Promise<string | undefined> {
  const { files } = ground;
  const stops = stopsOf(files, app.python);
  const home = app.env["PYTHONHOME"] ?? ground.environment["PYTHONHOME"];
  const libraries = [home?.split(":")[0], dirname(dirname(stops.at(-1) ?? app.python))].flatMap((prefix) =>
    prefix === undefined || prefix === "" ? [] : librariesOf(files, prefix),
  );
  const wanted = [
    ...stops.map((path) => ({ of: "program" as const, path, needs: ["search"] as const })),
    ...libraries.map((path) => ({ of: "library" as const, path, needs: OPEN })),
  ];
  for (const { of, path, needs } of wanted) {
    const refused = await refusalOf(ground, who, path, needs);
    // What is not there is another matter.
    if (refused?.state === undefined) continue;
    const owners = (uid: number, gid: number) => ownerName(files, uid, gid);
    const what = of === "library" ? `its own library, ${path}, may not be read` : `${path} may not be executed`;
    return `${what} by ${who.name}: ${refused.path} ${describe(refused, owners)}`;
  }
  return undefined;
}

/** The path, where every symbolic link in it is, and at last where they lead to. */
function stopsOf(files: Files, path: string): string[] {
  const stops = [path];
  let [done, rest] = ["/", path.split("/")];
  while (rest.length > 0 && stops.length <= LINKS_MAX) {
    const [name = "", ...others] = rest;
    const next = resolve(done, name);
    const link = files.link(next);
    if (link === undefined) [done, rest] = [next, others];
    else {
      stops.push(next);
      [done, rest] = [link.startsWith("/") ? "/" : done, [...link.split("/"), ...others]];
    }
  }
  return [...stops, done];
}

/** `PREFIX/lib/python3.12`, those that there are. */
function librariesOf(files: Files, prefix: string): string[] {
  const folder = join(prefix, "lib");
  const names = files.list(folder).filter((name) => /^(?:python|pypy)3\.\d+t?$/.test(name));
  return names.map((name) => join(folder, name)).filter((path) => files.kind(path) === "directory");
}
