/**
 * The password hashes of crypt(3) that Bun.password does not know: SHA-crypt (`$5$`, `$6$`; U. Drepper, "Unix crypt
 * using SHA-256 and SHA-512", version 0.6) and Apache's MD5 (`$apr1$`). Thousands of small hashes each: they are done in
 * slices, between which the event loop serves others. Not here: bcrypt and argon2, which Bun computes on its own threads.
 */

/** About a millisecond of hashing. */
const ROUNDS_PER_SLICE = 500;

const SHA_ROUNDS = 5000;
const SHA_ROUNDS_MIN = 1000;
/** About a second of CPU; the specification lets a file ask for 999,999,999. */
export const SHA_ROUNDS_MAX = 500_000;
const SHA_SALT_MAX = 16;

const APR1_ROUNDS = 1000;
const APR1_SALT_MAX = 8;

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

type Digest = "md5" | "sha256" | "sha512";

interface Rounds {
  readonly digest: Digest;
  readonly count: number;
  readonly start: Buffer;
  readonly password: Uint8Array;
  readonly salt: Uint8Array;
}

function hash(digest: Digest, ...parts: readonly Uint8Array[]): Buffer {
  const hasher = new Bun.CryptoHasher(digest);
  for (const part of parts) hasher.update(part);
  return Buffer.from(hasher.digest());
}

/** `bytes` over and over, `length` in all. */
function repeat(bytes: Uint8Array, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

/** The loop that both families have in common. */
async function stretch({ digest, count, start, password, salt }: Rounds): Promise<Buffer> {
  let current = start;
  for (let i = 0; i < count; i++) {
    if (i % ROUNDS_PER_SLICE === ROUNDS_PER_SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
    const hasher = new Bun.CryptoHasher(digest);
    hasher.update(i & 1 ? password : current);
    if (i % 3 !== 0) hasher.update(salt);
    if (i % 7 !== 0) hasher.update(password);
    hasher.update(i & 1 ? current : password);
    current = Buffer.from(hasher.digest());
  }
  return current;
}

// ── SHA-crypt ─────────────────────────────────────────────────────────────────────────────────────────────────────

const SHA_SETTING = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:]{0,64})/;

/** The rounds that a `$5$` or `$6$` hash asks for; undefined when it is none. */
export function shaRounds(hashed: string): number | undefined {
  const [, kind, rounds] = SHA_SETTING.exec(hashed) ?? [];
  if (kind === undefined) return undefined;
  return rounds === undefined ? SHA_ROUNDS : Math.max(SHA_ROUNDS_MIN, Number(rounds));
}

/** The hash of `password` with the setting (kind, rounds, salt) of `hashed`. */
export async function shaCrypt(password: Uint8Array, hashed: string): Promise<string> {
  const [, kind, rounds, written = ""] = SHA_SETTING.exec(hashed) ?? [];
  const digest = kind === "5" ? "sha256" : "sha512";
  const salt = Buffer.from(written.slice(0, SHA_SALT_MAX), "latin1");
  const count = shaRounds(hashed) ?? SHA_ROUNDS;
  const { length } = password;
  const start = shaStart(digest, password, salt);
  const allSalt = hash(digest, repeat(salt, salt.length * (16 + (start[0] ?? 0))));
  const final = await stretch({
    digest,
    count,
    start,
    password: repeat(hash(digest, repeat(password, length * length)), length),
    salt: repeat(allSalt, salt.length),
  });
  const setting = `$${kind}$${rounds === undefined ? "" : `rounds=${count}$`}${salt.latin1Slice()}$`;
  return setting + (digest === "sha256" ? encodeSha256(final) : encodeSha512(final));
}

/** Steps 1 to 12 of the specification. */
function shaStart(digest: Digest, password: Uint8Array, salt: Uint8Array): Buffer {
  const b = hash(digest, password, salt, password);
  const parts = [password, salt, repeat(b, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? b : password);
  return hash(digest, ...parts);
}

function encodeSha512(final: Buffer): string {
  let text = "";
  for (let i = 0, [a, b, c] = [0, 21, 42]; i < 21; i++, [a, b, c] = [b + 1, c + 1, a + 1]) {
    text += encode24(final, a, b, c);
  }
  return text + encode(final[63] ?? 0, 2);
}

function encodeSha256(final: Buffer): string {
  let text = "";
  for (let i = 0, [a, b, c] = [0, 10, 20]; i < 10; i++, [a, b, c] = [c + 1, a + 1, b + 1]) {
    text += encode24(final, a, b, c);
  }
  return text + encode(((final[31] ?? 0) << 8) | (final[30] ?? 0), 3);
}

function encode24(bytes: Buffer, a: number, b: number, c: number): string {
  return encode(((bytes[a] ?? 0) << 16) | ((bytes[b] ?? 0) << 8) | (bytes[c] ?? 0), 4);
}

/** Six bits a character, the lowest first. */
function encode(value: number, characters: number): string {
  let text = "";
  for (let i = 0; i < characters; i++) text += ALPHABET.charAt((value >> (6 * i)) & 63);
  return text;
}

// ── Apache's MD5 ──────────────────────────────────────────────────────────────────────────────────────────────────

const APR1_SETTING = /^\$apr1\$([^$]{0,64})\$/;

export async function apr1Crypt(password: Uint8Array, hashed: string): Promise<string> {
  const [, written = ""] = APR1_SETTING.exec(hashed) ?? [];
  const salt = Buffer.from(written.slice(0, APR1_SALT_MAX), "latin1");
  const start = apr1Start(password, salt);
  const final = await stretch({ digest: "md5", count: APR1_ROUNDS, start, password, salt });
  let text = "";
  for (let i = 0; i < 5; i++) text += encode24(final, i, i + 6, i === 4 ? 5 : i + 12);
  return `$apr1$${salt.latin1Slice()}$${text}${encode(final[11] ?? 0, 2)}`;
}

function apr1Start(password: Uint8Array, salt: Uint8Array): Buffer {
  const { length } = password;
  const first = password.subarray(0, 1);
  const parts = [password, Buffer.from("$apr1$"), salt, repeat(hash("md5", password, salt, password), length)];
  for (let bits = length; bits > 0; bits >>= 1) parts.push(bits & 1 ? Buffer.of(0) : first);
  return hash("md5", ...parts);
}
