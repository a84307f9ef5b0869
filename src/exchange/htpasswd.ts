/**
 * Files of users and password hashes, as htpasswd(1), mkpasswd(1) and Django-free hands write them: `user:hash`, one a
 * line, `#` begins a comment. A hash tells its kind by its beginning. What would not protect anybody (plain text, the
 * DES of old crypt) is refused with its line. Text is latin-1, one character per byte.
 *
 *   $2y$ $2b$ $2a$   bcrypt          $5$ $6$   SHA-crypt        {SHA} {SSHA}   SHA-1 in base64 (kept for old files)
 *   $argon2…         argon2          $apr1$    Apache's MD5
 */
import { timingSafeEqual } from "node:crypto";
import { apr1Crypt, shaCrypt, SHA_ROUNDS_MAX, shaRounds } from "./crypt.ts";

/** Some tens of thousands of users; more belong in the application. */
export const HTPASSWD_BYTES_MAX = 4 * 1024 * 1024;

/** Beyond this one password is seconds of CPU. */
const BCRYPT_COST_MAX = 16;

export interface HtpasswdProblem {
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

export interface Htpasswd {
  readonly users: ReadonlyMap<string, string>;
  readonly problems: readonly HtpasswdProblem[];
}

/** Of a user who stands there twice the first line counts, as in nginx. Lines with problems are left out. */
export function parseHtpasswd(bytes: Buffer): Htpasswd {
  const users = new Map<string, string>();
  const problems: HtpasswdProblem[] = [];
  for (const [index, text] of bytes.latin1Slice().split("\n").entries()) {
    const line = text.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [user = "", hashed] = line.split(":");
    const what = user === "" || hashed === undefined ? "is not user:hash" : refuseHash(hashed);
    if (what !== undefined) problems.push({ line: index + 1, what });
    else if (hashed !== undefined && !users.has(user)) users.set(user, hashed);
  }
  return { users, problems };
}

/** What is wrong with a hash; undefined for one that `verifyPassword` can use. The hash itself is never shown. */
function refuseHash(hashed: string): string | undefined {
  const bcrypt = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hashed);
  if (bcrypt !== null)
    return Number(bcrypt[1]) <= BCRYPT_COST_MAX ? undefined : `has a bcrypt cost above ${BCRYPT_COST_MAX}`;
  if (/^\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/.test(hashed)) return undefined;
  const rounds = shaRounds(hashed);
  if (rounds !== undefined)
    return rounds <= SHA_ROUNDS_MAX ? refuseSha(hashed) : `has more than ${SHA_ROUNDS_MAX} rounds`;
  if (/^\$apr1\$[^$]{1,8}\$[./A-Za-z0-9]{22}$/.test(hashed)) return undefined;
  if (/^\{SHA\}[A-Za-z0-9+/]{27}=$/.test(hashed) || /^\{SSHA\}[A-Za-z0-9+/]{28,}={0,2}$/.test(hashed)) return undefined;
  if (/^[./A-Za-z0-9]{13}$/.test(hashed)) return "is plain text, or DES crypt, which 8 characters of a password decide";
  return /^[${]/.test(hashed) ? "is a kind of hash that is not known, or damaged" : "is plain text";
}

function refuseSha(hashed: string): string | undefined {
  const characters = hashed.startsWith("$5$") ? 43 : 86;
  const last = hashed.slice(hashed.lastIndexOf("$") + 1);
  return last.length === characters && /^[./A-Za-z0-9]+$/.test(last) ? undefined : "is a damaged SHA-crypt hash";
}

/** Is it the password of this hash? Never throws: what cannot be verified is wrong. */
export async function verifyPassword(password: Buffer, hashed: string): Promise<boolean> {
  try {
    if (hashed.startsWith("{")) return verifySha1(password, hashed);
    if (hashed.startsWith("$apr1$")) return equal(await apr1Crypt(password, hashed), hashed);
    if (hashed.startsWith("$5$") || hashed.startsWith("$6$")) return equal(await shaCrypt(password, hashed), hashed);
    return await Bun.password.verify(password, hashed);
  } catch {
    return false;
  }
}

function verifySha1(password: Buffer, hashed: string): boolean {
  const stored = Buffer.from(hashed.slice(hashed.indexOf("}") + 1), "base64");
  const salt = stored.subarray(20);
  const made = new Bun.CryptoHasher("sha1").update(password).update(salt).digest();
  return timingSafeEqual(stored.subarray(0, 20), made);
}

/** Takes as long wherever they differ; the length is no secret. */
function equal(made: string, stored: string): boolean {
  // `rounds=` may be written with leading zeros or below the minimum: only what comes after the last $ is compared.
  const [a, b] = [made, stored].map((text) => Buffer.from(text.slice(text.lastIndexOf("$") + 1), "latin1"));
  return a !== undefined && b !== undefined && a.length === b.length && timingSafeEqual(a, b);
}
