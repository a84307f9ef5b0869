/** What an app needs to know of its configuration; what is not said here has its default beside the code that uses it. */
import type { RecycleOptions } from "./recycle.ts";
import type { WsgiTarget } from "./worker-process.ts";

/** As whom and within which bounds Python processes run; they see to it before they import anything. */
export interface ProcessOptions {
  /** `name` and `home` undefined: a number that the machine has no entry for. */
  readonly user?:
    { readonly name: string | undefined; readonly id: number; readonly home: string | undefined } | undefined;
  readonly group?: number | undefined;
  readonly umask?: number | undefined;
  /** Behind `root` on sys.path; absolute. */
  readonly pythonPath?: readonly string[];
  /** setrlimit(2); -1 for unlimited. */
  readonly limits?: readonly { readonly name: string; readonly value: number }[];
}

export interface AppOptions extends RecycleOptions {
  readonly name: string;
  /** Working directory, first on sys.path. */
  readonly root: string;
  readonly wsgi: WsgiTarget;
  /** The interpreter, absolute. */
  readonly python: string;
  /** As many workers at most; and as many always, unless `processesMin` is less. */
  readonly processes: number;
  /** Default `processes`. 0: none at all while nobody asks. */
  readonly processesMin?: number | undefined;
  /** How long a worker more than needed stays. Default scale.ts IDLE_MS. */
  readonly idleMs?: number | undefined;
  readonly threads: number;
  /** Over the server's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How long an import may take. Default supervisor.ts START_TIMEOUT_MS. */
  readonly startTimeoutMs?: number | undefined;
  /** How long a worker that is replaced may work on the requests that it has. Default endings.ts DRAIN_TIMEOUT_MS. */
  readonly drainTimeoutMs?: number | undefined;
  readonly temporaryDirectory: string;
  /** A first import that fails is tried again like any other, instead of ending the start: for development, where the code
   *  is mended while the server runs. Default false. */
  readonly outlivesFailedStart?: boolean;
  /** Workers are forked from a process that has imported the project. Default false. */
  readonly preload?: boolean;
  /** Django's finders answer STATIC_URL. Default false. */
  readonly staticFinders?: boolean;
  readonly process?: ProcessOptions;
}
