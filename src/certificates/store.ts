/**
 * The state folder: accounts, keys and certificates that outlive the server. Nobody but its owner may read it. Every file is
 * written beside its place and renamed into it, so that a reader, and a server that is killed, never has half of one.
 *
 *     FOLDER/lock                               held by the one server that orders (os/lock-file.ts)
 *     FOLDER/accounts/HASH.json                 HASH: of the authority's directory URL
 *     FOLDER/certificates/NAME-HASH/pair.pem    key, certificate and chain; HASH: of all names, and of whom they are asked
 *     FOLDER/authority.pem                      of `tls = "internal"`: key and certificate
 *     FOLDER/authority.crt                      its certificate alone, for those who are to trust it
 */
import { createHash, createPrivateKey } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { acquireLock, type LockFile } from "../os/lock-file.ts";
import type { AccountKey } from "./acme-client.ts";
import { newKey } from "./make.ts";
import { keyText, parseCertificates, parsePrivateKey } from "./pem.ts";
import type { LoadedPair } from "./files.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** What stands at the top of the folder; or the first half of a writing that was cut off. */
export function isKept(name: string): boolean {
  return /^(?:lock|accounts|certificates|authority\.(?:pem|crt)(?:\.new)?)$/.test(name);
}

export interface NoLock {
  readonly why: string;
  /** By another server; else the file system refuses. */
  readonly isHeld: boolean;
}

export class Store {
  readonly folder: string;
  /** By the authority's directory: one for all sites, also before it is kept, and where it cannot be. */
  private readonly accounts = new Map<string, AccountKey>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The lock, or why this server may not write. */
  lock(): LockFile | NoLock {
    try {
      mkdirSync(this.folder, { recursive: true, mode: FOLDER_MODE });
      const lock = acquireLock(join(this.folder, "lock"));
      if ("release" in lock) {
        // Another server may have written until now.
        this.accounts.clear();
        return lock;
      }
      const why = `the server with pid ${lock.heldBy ?? "unknown"} has ${this.folder}, and orders for both`;
      return { why, isHeld: true };
    } catch (error) {
      return { why: `${this.folder} cannot be used: ${(error as Error).message}`, isHeld: false };
    }
  }

  /** Undefined when there is none, or none that can be used. */
  pair(id: string): LoadedPair | undefined {
    return this.readPair(join("certificates", id, "pair.pem"));
  }

  /** All that can be used, whoever they are for. */
  pairs(): LoadedPair[] {
    try {
      const names = readdirSync(join(this.folder, "certificates"));
      return names.flatMap((id) => this.pair(id) ?? []);
    } catch {
      // There is none yet.
      return [];
    }
  }

  /** Throws what the file system throws. */
  keepPair(id: string, pair: Pick<LoadedPair, "cert" | "key">): void {
    this.write(join("certificates", id, "pair.pem"), pair.key + pair.cert);
  }

  authority(): LoadedPair | undefined {
    return this.readPair("authority.pem");
  }

  keepAuthority(pair: Pick<LoadedPair, "cert" | "key">): void {
    this.write("authority.pem", pair.key + pair.cert);
    this.write("authority.crt", pair.cert);
  }

  private readPair(name: string): LoadedPair | undefined {
    try {
      const text = readFileSync(join(this.folder, name), "latin1");
      const chain = parseCertificates(text);
      const key = parsePrivateKey(text, undefined);
      if (chain[0]?.checkPrivateKey(key) !== true) return undefined;
      return { chain, cert: text.slice(text.indexOf("-----BEGIN CERTIFICATE")), key: keyText(key) };
    } catch {
      return undefined;
    }
  }

  /** That of an authority; a new key when there is none yet. */
  account(directory: string): AccountKey {
    const account = this.accounts.get(directory) ?? this.readAccount(directory) ?? { key: newKey(), kid: undefined };
    this.accounts.set(directory, account);
    return account;
  }

  private readAccount(directory: string): AccountKey | undefined {
    try {
      const { key, kid } = JSON.parse(readFileSync(this.accountFile(directory), "utf8")) as Record<string, string>;
      return { key: createPrivateKey(key ?? ""), kid };
    } catch {
      return undefined;
    }
  }

  /** `lost` is none any more; another one may have been put in its place already. */
  replaceAccount(directory: string, lost: AccountKey, withNewKey: boolean): void {
    if (this.accounts.get(directory) === lost)
      this.accounts.set(directory, { key: withNewKey ? newKey() : lost.key, kid: undefined });
  }

  keepAccount(directory: string, { key, kid }: AccountKey): void {
    this.write(this.accountName(directory), `${JSON.stringify({ directory, kid, key: keyText(key) }, null, 2)}\n`);
  }

  private accountFile(directory: string): string {
    return join(this.folder, this.accountName(directory));
  }

  private accountName(directory: string): string {
    return join("accounts", `${shortHash(directory)}.json`);
  }

  private write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
    writeFileSync(`${path}.new`, text, { mode: FILE_MODE });
    renameSync(`${path}.new`, path);
  }
}

/** Of the names of a site and the authority that is asked for it (its directory; "" for our own): readable, and another for
 *  others. What a staging authority has signed is not shown for long where another one is wanted. */
export function pairId(names: readonly string[], directory: string): string {
  const label = (names[0] ?? "").replace(/[^a-z0-9.-]/g, "_").slice(0, 100);
  return `${label}-${shortHash([directory, ...names.toSorted()].join(" "))}`;
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
