/** What TLS listening relies on that Bun's documentation does not promise: pinned here against openssl's client, so that a new Bun that differs is noticed. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listenTls, type SecureOwner, type TlsChoice, type TlsListener } from "../../src/net/listen-tls.ts";
import { makeServerContext, type ServerContext } from "../../src/net/server-tls.ts";
import type { TlsFacts } from "../../src/net/tls-facts.ts";
import type { OwnedWire } from "../../src/net/wire.ts";
import { closeDescriptor, listenTcp } from "../../src/os/sockets.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";

const missing = opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("listen-tls");
const sockets = listenTcp({ host: "127.0.0.1", port: 0 }, 1);
const fd = sockets.fds[0] as number;
const facts: TlsFacts[] = [];
const refusals: string[] = [];
const sites = new Map<string | undefined, TlsChoice>();
let challenge: ServerContext | undefined;
let listener: TlsListener;

const read = (name: string) => readFileSync(join(folder, name), "latin1");

function context(session: string, names: readonly string[], clientAuthority?: string): ServerContext {
  const pairs = names.map((name) => ({ cert: read(`${name}.pem`), key: read(`${name}.key`) }));
  return makeServerContext({ pairs, clientAuthority, session }, "intermediate");
}

/** Answers every request and half-closes. */
function accept(wire: OwnedWire): SecureOwner {
  return {
    secured: (told) => void facts.push(told),
    refused: (why) => void refusals.push(why),
    received: () => {
      const answer = Buffer.from("answered\n");
      wire.write(answer, 0, answer.length);
      wire.close();
    },
    drained: () => {},
    ended: () => wire.close(),
    closed: () => {},
  };
}

beforeAll(() => {
  if (missing !== undefined) return;
  const authority = new Authority(folder);
  for (const name of ["a", "b", "nobody", "challenge"]) authority.make(name, { names: `DNS:${name}.test` });
  authority.make("a-rsa", { names: "DNS:a.test", key: "rsa" });
  authority.make("client", { names: "DNS:client.test" });
  authority.make("stranger", { names: "DNS:stranger.test", selfSigned: true });
  sites.set("a.test", { context: context("a", ["a", "a-rsa"]), asks: "" });
  sites.set("b.test", { context: context("b", ["b"]), asks: "" });
  sites.set("asks.test", { context: context("asks", ["b"], read("ca.pem")), asks: "authority" });
  listener = listenTls({
    fd,
    policy: "intermediate",
    choose: (name) => sites.get(name),
    challenge: (name) => (name === "a.test" ? challenge : undefined),
    challenged: () => challenge !== undefined,
    accept,
    plainAnswer: () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\nplain"),
  });
});

afterAll(() => {
  if (missing === undefined) listener.stop();
  closeDescriptor(fd);
  removeFolder(folder);
});

/** Sends a line and reads to the end. */
async function client(name: string | undefined, ...more: string[]): Promise<string> {
  const sni = name === undefined ? ["-noservername"] : ["-servername", name];
  const command = ["openssl", "s_client", "-connect", `127.0.0.1:${sockets.port}`, "-ign_eof", ...sni, ...more];
  const child = Bun.spawn(["timeout", "20", ...command], {
    cwd: folder,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  child.stdin.write("hello\n");
  await child.stdin.flush();
  const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return out + errors;
}

describe("the certificate", () => {
  test("is that of the name which the client says", async () => {
    expect(await client("a.test")).toMatch(/subject=CN ?= ?a\n[^]*answered/);
    expect(await client("B.test")).toMatch(/subject=CN ?= ?b\n[^]*answered/);
    expect(facts.at(-1)).toMatchObject({ serverName: "b.test", version: "TLSv1.3", verify: "NONE", reused: false });
  });

  test("is the RSA one for clients that cannot check the other", async () => {
    expect(await client("a.test", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")).toContain("answered");
    expect(await client("a.test", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")).toContain("answered");
    expect(facts.at(-1)?.cipher).toBe("ECDHE-ECDSA-AES128-GCM-SHA256");
  });

  test("of a name that nobody has is none, and no name is an unknown one until there is a default", async () => {
    for (const version of ["-tls1_2", "-tls1_3"]) {
      const refused = await client("nobody.test", version);
      expect(refused).not.toContain("BEGIN CERTIFICATE");
      expect(refused).toContain("unrecognized name");
      expect(refusals.at(-1)).toBe('no site here is called "nobody.test"');
      expect(await client(undefined, version)).not.toContain("BEGIN CERTIFICATE");
      expect(refusals.at(-1)).toBe("the client names no site (SNI), and there is no default one");
    }
    sites.set(undefined, { context: context("nobody", ["nobody"]), asks: "" });
    listener.refresh();
    expect(await client(undefined)).toMatch(/subject=CN ?= ?nobody\n[^]*answered/);
    expect(await client("a.test")).toMatch(/subject=CN ?= ?a\n[^]*answered/);
  });

  test("changes between two handshakes", async () => {
    sites.set("swapped.test", { context: context("swapped", ["a"]), asks: "" });
    expect(await client("swapped.test")).toMatch(/subject=CN ?= ?a\n/);
    sites.set("swapped.test", { context: context("swapped", ["b"]), asks: "" });
    expect(await client("swapped.test")).toMatch(/subject=CN ?= ?b\n/);
  });

  test("for a CA's challenge is shown to who asks by its protocol, and to nobody else", async () => {
    challenge = context("challenge", ["challenge"]);
    const asked = await client("a.test", "-alpn", "acme-tls/1");
    expect(asked).toMatch(/subject=CN ?= ?challenge\n/);
    expect(asked).toContain("ALPN protocol: acme-tls/1");
    expect(asked).not.toContain("answered");
    expect(await client("a.test", "-alpn", "http/1.1")).toMatch(/subject=CN ?= ?a\n[^]*answered/);
    challenge = undefined;
    expect(await client("a.test", "-alpn", "acme-tls/1")).toContain("no application protocol");
  });
});

describe("sessions", () => {
  for (const version of ["-tls1_2", "-tls1_3"]) {
    test(`of one name resume with it and with no other (${version})`, async () => {
      const file = `session${version}`;
      await client("a.test", version, "-sess_out", file);
      expect(await client("a.test", version, "-sess_in", file)).toContain("Reused, TLSv1");
      expect(facts.at(-1)?.reused).toBe(true);
      expect(await client("b.test", version, "-sess_in", file)).toContain("New, TLSv1");
      expect(await client("asks.test", version, "-sess_in", file)).toContain("New, TLSv1");
    });
  }

  test("remember the certificate that the client has shown", async () => {
    await client("asks.test", "-cert", "client.pem", "-key", "client.key", "-sess_out", "known");
    expect(await client("asks.test", "-sess_in", "known")).toContain("Reused, TLSv1");
    expect(facts.at(-1)).toMatchObject({ reused: true, verify: "SUCCESS" });
    expect(facts.at(-1)?.certificate?.subject).toBe("CN=client");
  });
});

describe("a client's certificate", () => {
  test("is asked for where the site wants it, and verified", async () => {
    const asked = await client("asks.test", "-cert", "client.pem", "-key", "client.key");
    expect(asked).toMatch(/Acceptable client certificate CA names\nCN ?= ?test-authority/);
    expect(facts.at(-1)).toMatchObject({ asked: "authority", verify: "SUCCESS" });
    await client("asks.test");
    expect(facts.at(-1)).toMatchObject({ verify: "NONE", certificate: undefined });
    await client("asks.test", "-cert", "stranger.pem", "-key", "stranger.key");
    expect(facts.at(-1)?.verify).toMatch(/^FAILED:self.signed certificate$/);
    expect(await client("a.test", "-cert", "client.pem", "-key", "client.key")).toContain(
      "No client certificate CA names",
    );
    expect(facts.at(-1)).toMatchObject({ asked: "", certificate: undefined });
  });
});

describe("refused are", () => {
  test("versions before 1.2, and suites without forward secrecy", async () => {
    expect(await client("a.test", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")).toContain("alert protocol version");
    expect(await client("a.test", "-tls1_2", "-cipher", "AES128-GCM-SHA256")).toContain("handshake failure");
    expect(await client("a.test", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")).toContain("handshake failure");
  });

  test("protocols that are not ours", async () => {
    expect(await client("a.test", "-alpn", "http/1.1")).toContain("ALPN protocol: http/1.1");
    expect(await client("a.test", "-alpn", "ftp,h2")).toContain("no application protocol");
  });

  test("renegotiations", async () => {
    const command = [
      "openssl",
      "s_client",
      "-connect",
      `127.0.0.1:${sockets.port}`,
      "-servername",
      "a.test",
      "-tls1_2",
    ];
    const child = Bun.spawn(["timeout", "20", ...command], {
      cwd: folder,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    child.stdin.write("R\n");
    await child.stdin.flush();
    expect(await new Response(child.stderr).text()).toMatch(/no renegotiation|unexpected message/);
  });
});

test("HTTP without TLS is answered in plain words", async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    let text = "";
    void Bun.connect({
      hostname: "127.0.0.1",
      port: sockets.port,
      socket: {
        open: (socket) => void socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        data: (_, bytes) => void (text += bytes.toString()),
        close: () => resolve(text),
        error: (_, error) => reject(error),
      },
    });
  });
  expect(answer).toBe("HTTP/1.1 400 Bad Request\r\n\r\nplain");
  expect(refusals.at(-1)).toBe("HTTP without TLS");
});

test("the end is told by a close_notify", async () => {
  expect(await client("a.test", "-msg")).toMatch(/<<< TLS 1\.3, Alert \[length 0002\], warning close_notify/);
});
