/**
 * What checks see of the machine, beside its files and programs (machine/surroundings.ts). The real one is real-ground.ts;
 * tests give them one with faults.
 */
import type { LookUp } from "../machine/addresses.ts";
import type { Surroundings } from "../machine/surroundings.ts";
import type { UpstreamAddress } from "../config/upstream-config.ts";

export interface FileState {
  readonly kind: "file" | "directory" | "socket" | "other";
  /** The permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Undefined where the file system has no fixed number. */
  readonly freeFiles: number | undefined;
  readonly totalFiles: number | undefined;
}

export interface Asked {
  readonly url: string;
  readonly host: string;
  /** Of a unix socket in place of the URL's host and port. */
  readonly socket: string | undefined;
}

export interface Ground extends Surroundings {
  /** Through symbolic links; undefined when there is nothing, or it cannot be looked at. */
  state(path: string): FileState | undefined;
  /** Of the file system that `path` is on. */
  space(path: string): Space | undefined;
  /** Whether the kernel lets this user do it: asked only when the permission bits say no, since lists of access (ACL) may say
   *  otherwise. Undefined: it cannot be asked. */
  kernelAllows(who: Serving, path: string, need: Need): Promise<boolean | undefined>;
  /** Undefined when somebody listens there, else why not: `ECONNREFUSED`, `ENOENT`, `timeout`. */
  connect(address: UpstreamAddress): Promise<string | undefined>;
  /** Does the resolver of the system know the host? */
  resolves(host: string): Promise<boolean>;
  readonly lookUp: LookUp;
  /** Of the kernel's clock; undefined when it does not say. */
  isClockSynchronised(): boolean | undefined;
  readonly nowMs: number;
  /** The status of a GET, without following redirects; a string is why there is none. */
  get(asked: Asked): Promise<number | string>;
}

export type Need = "read" | "write" | "search";

/** As whom files are used. */
export interface Serving {
  readonly uid: number;
  /** The first is the primary one. */
  readonly gids: readonly number[];
  /** For messages: `www-data`, or the number. */
  readonly name: string;
}
