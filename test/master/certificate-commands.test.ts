/** Orders and rehearsals as the control socket takes them: which sites are meant, and what counts as good. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "../../src/certificates/preflight.ts";
import { loadConfig } from "../../src/config/load.ts";
import { certificateCommands } from "../../src/master/certificate-commands.ts";
import { Authority } from "../support/certificates.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";

const folder = makeFolder("certificate-commands");
new Authority(folder).make("own", { names: "DNS:own.test" });
afterAll(() => removeFolder(folder));

const site = (name: string, port: number, more: string) =>
  `[[site]]\nnames = ["${name}"]\nlisten = [{ address = ":${port}", tls = ${more !== ""} }]\n${more}\n[site.routes]\n"/" = { respond = "x" }\n`;

/** What `certificate-test` answers and tells; `failure`: of the order at the staging authority. */
async function tested(name: string, checks: readonly Check[], failure?: string) {
  const file = join(folder, "server.toml");
  const sites = [
    site("a.org", 8443, 'tls = "auto"'),
    site("own.test", 8443, 'tls = { cert = "own.pem", key = "own.key" }'),
    site("plain.org", 8080, ""),
  ];
  writeFileSync(
    file,
    `[acme]\ndirectory = "https://ca.test/dir"\nstaging = "https://staging.test/dir"\n${sites.join("")}`,
  );
  const { config, problems } = loadConfig(file, {});
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const told: object[] = [];
  const commands = certificateCommands({
    issuer: {
      renew: async () => undefined,
      rehearse: async () => {
        if (failure !== undefined) throw new Error(failure);
        return undefined;
      },
      async *preflight() {
        yield* checks;
      },
    },
    holdings: () => ({ config, certificates: { details: () => [] } }),
    state: () => "serving",
  });
  const answer = await commands["certificate-test"]?.({ site: name }, (event) => void told.push(event));
  return { answer, told };
}

const CHECKS = {
  good: { subject: "a.org", verdict: "good", text: "leads here" },
  warning: { subject: "a.org", verdict: "warning", text: "leads elsewhere" },
  bad: { subject: "a.org", verdict: "bad", text: "is refused" },
} as const;

test("a test is good when its order is and nothing was found in the way", async () => {
  const { answer, told } = await tested("a.org", [CHECKS.good, CHECKS.warning]);
  expect(answer).toEqual({ ok: true, sites: [{ site: "a.org", ok: true }] });
  expect(told.map((event) => (event as { state: string }).state)).toEqual(["checked", "checked", "ordering", "done"]);
});

test("a test is not good when something is in the way, also when its order went well", async () => {
  const { answer } = await tested("a.org", [CHECKS.good, CHECKS.bad]);
  const why = "the order went well, but what is BAD above may be in the way of another one";
  expect(answer).toEqual({ ok: false, sites: [{ site: "a.org", ok: false, why }] });
});

test("a test is not good when its order failed, and says why", async () => {
  const { answer } = await tested("a.org", [CHECKS.bad], "no answer");
  expect(answer).toEqual({ ok: false, sites: [{ site: "a.org", ok: false, why: "no answer" }] });
});

test("a site that orders nothing is told from one that is not there, and from one without TLS", () => {
  const refused = (name: string) => expect(tested(name, [])).rejects;
  refused("own.test").toThrow('the certificate of "own.test" comes from files: it is taken up when they change');
  refused("plain.org").toThrow(/^"plain\.org" is served without TLS and has no certificate; tls = "auto" in its/);
  refused("b.org").toThrow('no site "b.org" whose certificate comes by itself; known: a.org');
});
