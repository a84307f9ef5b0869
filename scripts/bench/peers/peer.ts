/**
 * Who is compared: what a peer can do, how it is had, how it is started on a scene. One file each beside this one; every one
 * is configured as its manual would have it in production, with the same workers, threads and access log as the others.
 */

/** What a scene may ask of a peer. */
export type Ability = "wsgi" | "files" | "fixed" | "proxy" | "uwsgi" | "websocket" | "gzip" | "zstd" | "tls";

/** Of every application server; WSGI servers with one process have their product of threads. */
export const PROCESSES = 4;
export const THREADS = 2;
/** The interpreter of every application: the one that Debian's uWSGI and mod_wsgi have built in. */
export const PYTHON = "/usr/bin/python3";

export const FIXED_BODY = "Hello, world!";

export interface App {
  readonly root: string;
  /** Holds `application`. */
  readonly module: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Threads of every server in front (fronts, workers, event threads), and whether it writes an access log. */
export interface Shape {
  readonly fronts: number;
  readonly hasLog: boolean;
}

/** As it is run: a thread for each core. */
export const ALL_CORES: Shape = { fronts: navigator.hardwareConcurrency, hasLog: true };
/** One against one: what a request costs, without what threads cost each other. */
export const ONE_THREAD: Shape = { fronts: 1, hasLog: false };

/** What is to be served at one address. A peer takes up what it can do, and is not asked for the rest. */
export interface Scene extends Shape {
  /** At `/`. */
  readonly app?: App;
  /** A folder at `/`, and FIXED_BODY at `/fixed`. */
  readonly files?: string;
  /** Port of an HTTP server, at `/`; `/page` and below is compressed for who takes it. */
  readonly upstream?: number;
  /** Unix path of a uwsgi server, at `/uwsgi`. */
  readonly uwsgi?: string;
  readonly tls?: { readonly pem: string; readonly key: string };
}

export interface Place {
  /** For configuration, logs and sockets of this instance; others may enter it. */
  readonly folder: string;
  readonly port: number;
}

export interface Running {
  /** Their trees are what the CPU is of. */
  readonly pids: readonly number[];
  readonly stop: () => Promise<void>;
  readonly isAlive: () => boolean;
  /** New code and configuration without a stop; undefined when it cannot. */
  readonly reload?: () => Promise<void>;
  /** What it wrote, for a failure. */
  readonly log: () => string;
}

export interface Peer {
  /** As in PEER= and in the tables. */
  readonly name: string;
  readonly abilities: readonly Ability[];
  /** Debian packages, and those of PyPI for the benches' own virtual environment. */
  readonly packages: { readonly debian?: readonly string[]; readonly pypi?: readonly string[] };
  readonly isThere: () => boolean;
  readonly version: () => string;
  /** It can be held to the one thread of ONE_THREAD. */
  readonly hasOneThread?: true;
  /** Where it differs from the others in what is compared. */
  readonly note?: string;
  /** Starts its processes and does not wait until they serve. */
  readonly launch: (scene: Scene, place: Place) => Promise<Running>;
}
