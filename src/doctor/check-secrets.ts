/** Secrets in files: keys of certificates and the state folder are for their owner. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { type Finding, type Fix, ok, problem } from "./finding.ts";
import type { FileState } from "./ground.ts";
import type { Check, Patient } from "./patient.ts";

const OTHERS = 0o007;
const GROUP_WRITES = 0o020;

export const SECRETS: Check = {
  name: "secrets",
  run: ({ config, ground }) => {
    const keys = config.sites.flatMap(({ tls }) =>
      tls?.source.kind === "files" ? tls.source.pairs.map(({ key }) => key) : [],
    );
    const usesState = config.sites.some(({ tls }) => tls !== undefined && tls.source.kind !== "files");
    const paths = [...new Set([...keys, ...(usesState ? [config.server.stateDirectory] : [])])];
    return paths.flatMap((path) => {
      const state = ground.state(path);
      return state === undefined ? [] : [serving(path, config) ?? judge(path, state)];
    });
  },
};

/** Whoever asks for it gets it, whatever its mode: the server reads it. */
function serving(path: string, { sites }: Patient["config"]): Finding | undefined {
  const routes = sites.flatMap((site) => site.routes.filter(({ internal }) => !internal));
  for (const { target, pattern } of routes) {
    if (target.kind !== "files" || target.single) continue;
    const root = target.roots.find((each) => path.startsWith(join(each.path, "/")));
    if (root === undefined) continue;
    if (!target.rules.hidden && path.slice(root.path.length).includes("/.")) continue;
    const says = `stands among the files of ${pattern}, which are sent to everybody`;
    return problem(`key ${path}`, says, `move it out of ${root.path}, and order another certificate: it may be known`);
  }
  return undefined;
}

function judge(path: string, { mode, kind }: FileState): Finding {
  const subject = kind === "directory" ? `state ${path}` : `key ${path}`;
  const open = mode & (OTHERS | GROUP_WRITES);
  if (open === 0) return ok(subject, "only its owner and group may read it");
  const closed = mode & ~(OTHERS | GROUP_WRITES);
  const shown = mode.toString(8).padStart(3, "0");
  return problem(subject, `has mode ${shown}: others may use it`, `chmod ${closed.toString(8)} ${path}`, {
    fix: closing(path, closed),
  });
}

function closing(path: string, mode: number): Fix {
  return {
    does: `takes it from others (chmod ${mode.toString(8)})`,
    run: () => {
      try {
        chmodSync(path, mode);
        return Promise.resolve(undefined);
      } catch (error) {
        return Promise.resolve((error as Error).message);
      }
    },
  };
}
