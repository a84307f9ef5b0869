/** As whom root runs what belongs to a project: nobody's code gets more rights than who may write it. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { accountOf } from "../machine/host.ts";
import { type Files, type RunAs, runningAs, type Surroundings } from "../machine/surroundings.ts";

/** `uid`: ours. Undefined where there is nothing to hand over: we are not root, or the folder is root's. */
export function ownerOf(files: Files, uid: number, folder: string): RunAs | undefined {
  const owner = uid === 0 ? statSync(folder, { throwIfNoEntry: false }) : undefined;
  if (owner === undefined || owner.uid === 0) return undefined;
  const { name, gid, home } = accountOf(files, owner.uid);
  return { uid: owner.uid, gid: gid ?? owner.gid, name, home: home ?? "/" };
}

/** As the owner of the project; where that is root, an interpreter in a virtualenv of somebody else as that one. */
export function runningForOwner(surroundings: Surroundings, uid: number, root: string): Surroundings {
  const { files } = surroundings;
  const owner = ownerOf(files, uid, root);
  if (owner !== undefined || uid !== 0) return runningAs(surroundings, owner);
  const ofInterpreter = ([program = ""]: readonly string[]) =>
    program.startsWith("/")
      ? (ownerOf(files, uid, dirname(program)) ?? ownerOf(files, uid, dirname(dirname(program))))
      : undefined;
  return {
    ...surroundings,
    run: (words, options) => surroundings.run(words, { as: ofInterpreter(words), ...options }),
  };
}
