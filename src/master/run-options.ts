/** What a master is told beside its configuration: where that comes from, who waits for it, who may come after it. */
import type { Config } from "../config/config.ts";
import { type Loaded, loadConfig } from "../config/load.ts";
import type { Inheritance } from "./handover.ts";

export interface RunOptions {
  /** Gives the configuration again at each reload. Default: its file. */
  readonly read?: () => Loaded;
  /** From the process that waits until this one serves. */
  readonly inheritance?: Inheritance | undefined;
  /** The words of the command line that start a successor; undefined: there can be none. */
  readonly successor?: readonly string[];
}

export function readFileOf({ file }: Config): () => Loaded {
  return () => loadConfig(file, process.env);
}
