/**
 * A bench that is told to end (Ctrl-C, SIGTERM) takes back what it has put on the machine: programs first, then what was made for
 * them, the last first: upstreams, folders of hundreds of megabytes.
 */
import { stopAll } from "./peers/program.ts";

type Undo = () => void | Promise<void>;

/** As a shell says of SIGINT. */
const EXIT_BROKEN_OFF = 130;

const undos = new Set<() => Promise<void>>();
let isBroken = false;

/** The servers are being stopped: what is measured from now on means nothing. */
export const isBrokenOff = () => isBroken;

/** Does `undo` when it is called, or when the bench is told to end: once. */
export function takenBack(undo: Undo): () => Promise<void> {
  let done: Promise<void> | undefined;
  const once = () => {
    done ??= (async () => undo())().finally(() => undos.delete(once));
    return done;
  };
  undos.add(once);
  return once;
}

export function watchSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void breakOff());
}

async function breakOff(): Promise<void> {
  isBroken = true;
  await stopAll();
  for (const undo of [...undos].toReversed()) {
    await undo().catch((error: unknown) => console.error(`bench: ${String(error)}`));
  }
  process.exit(EXIT_BROKEN_OFF);
}
