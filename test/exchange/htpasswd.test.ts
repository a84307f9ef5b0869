/** Which lines of a file of users are taken, and which passwords fit them. */
import { describe, expect, test } from "bun:test";
import { parseHtpasswd, verifyPassword } from "../../src/exchange/htpasswd.ts";

const BCRYPT = Bun.password.hashSync("secret", { algorithm: "bcrypt", cost: 4 });
const GOOD = [
  BCRYPT,
  BCRYPT.replace("$2b$", "$2y$"),
  Bun.password.hashSync("secret", { algorithm: "argon2id", memoryCost: 1024, timeCost: 2 }),
  "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
  "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
  "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
  `{SSHA}${Buffer.concat([
    Buffer.from(new Bun.CryptoHasher("sha1").update("secret").update("salt").digest()),
    Buffer.from("salt"),
  ]).toString("base64")}`,
];

describe("hashes", () => {
  test.each(GOOD)("%s", async (hashed) => {
    const { users, problems } = parseHtpasswd(Buffer.from(`user:${hashed}\n`));
    expect({ users: [...users], problems }).toEqual({ users: [["user", hashed]], problems: [] });
    expect(await verifyPassword(Buffer.from("secret"), hashed)).toBe(true);
    expect(await verifyPassword(Buffer.from("Secret"), hashed)).toBe(false);
    expect(await verifyPassword(Buffer.alloc(0), hashed)).toBe(false);
  });

  const refused = [
    ["user:secret", "is plain text"],
    ["user:{PLAIN}secret", "is a kind of hash that is not known, or damaged"],
    ["user:rqXexS6ZhobKA", "is plain text, or DES crypt, which 8 characters of a password decide"],
    ["user:$2y$31$KQ0WGkWvQ0o5YkBQmV3kTeMm2mGvJb8H0f1q9i9m1Z1oM3bqD1v9C", "has a bcrypt cost above 16"],
    ["user:$6$rounds=999999999$abc$x", "has more than 500000 rounds"],
    ["user:$5$abc$short", "is a damaged SHA-crypt hash"],
    ["user", "is not user:hash"],
    [":{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "is not user:hash"],
  ] as const;
  test.each(refused)("%s", (line, what) => {
    const { users, problems } = parseHtpasswd(Buffer.from(`# comment\n\n${line}\r\n`));
    expect({ size: users.size, problems }).toEqual({ size: 0, problems: [{ line: 3, what }] });
  });
});

test("the first line of a user counts, what follows a second colon is no part of the hash", () => {
  const text = `a:${GOOD[3]}:comment\na:${GOOD[4]}\n`;
  expect([...parseHtpasswd(Buffer.from(text)).users]).toEqual([["a", GOOD[3] as string]]);
});

test("what cannot be verified is wrong, and throws nothing", async () => {
  for (const hashed of ["", "$2y$", "$argon2id$x", "{SHA}", "nonsense"]) {
    expect(await verifyPassword(Buffer.from("secret"), hashed)).toBe(false);
  }
});
