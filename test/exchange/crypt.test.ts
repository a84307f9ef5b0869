/** Hashes that openssl passwd, glibc's crypt(3) and htpasswd made. */
import { describe, expect, test } from "bun:test";
import { apr1Crypt, shaCrypt } from "../../src/exchange/crypt.ts";

const LONG = "x".repeat(100);

describe("SHA-crypt", () => {
  const cases = [
    ["secret", "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."],
    ["secret", "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."],
    [
      "secret",
      "$6$rounds=1234$abc$O3ZOa0XiEWN0HewyM3s5mh16Zs29hmX3DWLNjonHRN//nTlr0lwJJMRhAJl66.NpDwazhmHN3f756IRDgrSzs.",
    ],
    [LONG, "$5$rounds=77777$abcdefghijklmnop$zJ6WxxxN9rRaOKlgksQtbId54caId1mx/kW4Un5c7MA"],
    [
      LONG,
      "$6$abcdefghijklmnop$r/HtRGuCzMNedONV3I8Xz8Qm4Qy85pQ/RigX0agmbAzWsa3BCc1B564NfCD/Giyliby36KbTMkrVLsmFYtbTu1",
    ],
    ["", "$6$s$.ZBEl9liET9mKM6jGxl//vp8wOnIJwfkp.7sG2Ahu2q68bf4LasDRE6k5T5NPzLqBFx3oUbMl6xWpBsFfgm6.."],
  ] as const;
  test.each(cases)("%p", async (password, hashed) => {
    expect(await shaCrypt(Buffer.from(password), hashed)).toBe(hashed);
    expect(await shaCrypt(Buffer.from(`${password}x`), hashed)).not.toBe(hashed);
  });
});

test("Apache's MD5", async () => {
  const hashed = "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/";
  expect(await apr1Crypt(Buffer.from("secret"), hashed)).toBe(hashed);
  expect(await apr1Crypt(Buffer.from("secreu"), hashed)).not.toBe(hashed);
});

test("others are served between slices of a long hash", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await shaCrypt(Buffer.from("secret"), "$6$rounds=50000$abc$");
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});
