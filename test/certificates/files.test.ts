import { afterAll, expect } from "bun:test";
import { join } from "node:path";
import { loadPair, PairProblem } from "../../src/certificates/files.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const missing = opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("pairs");
afterAll(() => removeFolder(folder));

if (missing === undefined) {
  const authority = new Authority(folder);
  authority.make("a", { names: "DNS:a.test" });
  authority.make("b", { names: "DNS:b.test" });
  authority.make("locked", { names: "DNS:c.test", key: "rsa", passphrase: "sesame" });
  writeFiles(folder, { empty: "", broken: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" });
}

const at = (name: string) => join(folder, name);
const load = (cert: string, key: string, passphrase?: string) => loadPair({ cert: at(cert), key: at(key), passphrase });

/** `cert: …`: which file is meant, and what is wrong. */
function problem(cert: string, key: string, passphrase?: string): string {
  try {
    load(cert, key, passphrase);
    return "none";
  } catch (error) {
    if (!(error instanceof PairProblem)) throw error;
    return `${error.file}: ${error.message.replaceAll(`${folder}/`, "")}`;
  }
}

test("a pair is read with its chain, its key without the passphrase", () => {
  expect(load("a.pem", "a.key").chain.map(({ subject }) => subject)).toEqual(["CN=a"]);
  const { key, chain } = load("locked.pem", "locked.key", "sesame");
  expect(key).toStartWith("-----BEGIN PRIVATE KEY-----");
  expect(chain[0]?.subject).toBe("CN=locked");
});

test("what makes a pair useless is said of the file that is wrong", () => {
  expect(problem("a.pem", "b.key")).toBe("key: b.key, which is not the key of a.pem");
  expect(problem("none.pem", "a.key")).toBe("cert: none.pem, which does not exist");
  expect(problem("a.pem", "none.key")).toBe("key: none.key, which does not exist");
  expect(problem("empty", "a.key")).toBe("cert: empty, which holds no certificate");
  expect(problem("broken", "a.key")).toBe("cert: broken, whose certificate number 1 is none");
  expect(problem("a.pem", "a.pem")).toBe("key: a.pem, which holds no private key");
  expect(problem("locked.pem", "locked.key")).toBe("key: locked.key, whose key has a passphrase");
  expect(problem("locked.pem", "locked.key", "guess")).toBe("key: locked.key, whose key the passphrase does not open");
});
