/** The issuer of certificates as the master puts it together: its store, and the fronts that show its challenges. */
import type { Log } from "../base/log.ts";
import { Issuer } from "../certificates/issuer.ts";
import { Store } from "../certificates/store.ts";
import type { Config } from "../config/config.ts";
import { Challenges } from "./challenges.ts";
import type { Fronts } from "./fronts.ts";

export interface IssuingParts {
  readonly log: Log;
  readonly fronts: () => Pick<Fronts, "postAll" | "traffic"> | undefined;
  /** There is another certificate. */
  readonly changed: () => void;
}

export function makeIssuer({ acme, server }: Config, { log, fronts, changed }: IssuingParts): Issuer {
  const challenges = new Challenges(async (answers) => {
    fronts()?.postAll({ kind: "challenges", answers });
    // Questions are answered in turn: whoever has answered has them.
    await fronts()?.traffic();
  });
  const store = new Store(server.stateDirectory);
  return new Issuer(acme, { log, store, show: (challenge) => challenges.show(challenge), changed });
}
