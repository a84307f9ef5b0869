/** What clients may do with TLS, on the built binary with several fronts: versions, ciphers, names, sessions, ends. curl and openssl. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { freePort, makeFolder, removeFolder } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = curlMissing() ?? opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("tls-clients");
let [usual, modern] = [0, 0];
let server: Server;

beforeAll(async () => {
  if (missing !== undefined) return;
  const authority = new Authority(folder);
  authority.make("a", { names: "DNS:a.test" });
  authority.make("a-rsa", { names: "DNS:a.test", key: "rsa" });
  authority.make("b", { names: "DNS:b.test,DNS:*.b.test" });
  [usual, modern] = [await freePort(), await freePort()];
  const site = (name: string, port: number, tls: string) => `
[[site]]
names = ${name}
listen = [{ address = "127.0.0.1:${port}", tls = true }]
tls = { ${tls} }
[site.routes]
"/" = { respond = "$ssl_protocol $ssl_cipher $ssl_session_reused" }
`;
  server = await startServer(
    "[server]\nfronts = 2\n" +
      site('["a.test"]', usual, 'cert = ["a.pem", "a-rsa.pem"], key = ["a.key", "a-rsa.key"]') +
      site('["b.test", "*.b.test"]', usual, 'cert = "b.pem", key = "b.key"') +
      site('["a.test"]', modern, 'cert = "a.pem", key = "a.key", policy = "modern"'),
    // A certificate that stands alone stays so, whoever is trusted by this machine.
    { folder, env: { NODE_EXTRA_CA_CERTS: authority.pem } },
  );
});
afterAll(async () => {
  if (missing === undefined) await server.dispose();
  removeFolder(folder);
});

async function ask(port: number, ...more: string[]): Promise<string> {
  const host = ["--cacert", join(folder, "ca.pem"), "--resolve", `a.test:${port}:127.0.0.1`];
  const { stdout, code } = await curl(...host, ...more, `https://a.test:${port}/`);
  return code === 0 ? stdout : `curl ${code}`;
}

/** Ends with its input. */
async function openssl(name: string, input: string, ...more: string[]): Promise<string> {
  const sni = name === "" ? ["-noservername"] : ["-servername", name];
  const words = ["s_client", "-connect", `127.0.0.1:${usual}`, ...sni, ...more];
  const child = Bun.spawn(["timeout", "20", "openssl", ...words], {
    cwd: folder,
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return out + errors;
}

const GET = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

describe("versions and ciphers", () => {
  test("are TLS 1.2 and 1.3, and 1.3 alone by choice", async () => {
    expect(await ask(usual)).toMatch(/^TLSv1\.3 TLS_/);
    expect(await ask(usual, "--tls-max", "1.2")).toMatch(/^TLSv1\.2 ECDHE-/);
    expect(await ask(modern)).toMatch(/^TLSv1\.3 TLS_/);
    expect(await ask(modern, "--tls-max", "1.2")).toBe("curl 35");
    for (const old of ["-tls1", "-tls1_1"])
      expect(await openssl("a.test", "", old, "-cipher", "ALL:@SECLEVEL=0")).toContain("no peer certificate available");
  });

  test("have forward secrecy and authenticated encryption, with either key", async () => {
    const only = (cipher: string) => ask(usual, "--tls-max", "1.2", "--ciphers", cipher);
    for (const cipher of [
      "ECDHE-ECDSA-AES128-GCM-SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "ECDHE-ECDSA-CHACHA20-POLY1305",
      "ECDHE-RSA-AES128-GCM-SHA256",
      "ECDHE-RSA-AES256-GCM-SHA384",
      "ECDHE-RSA-CHACHA20-POLY1305",
    ])
      expect(await only(cipher)).toStartWith(`TLSv1.2 ${cipher} `);
    for (const weak of ["AES128-GCM-SHA256", "AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
      expect(await only(weak)).toBe("curl 35");
  });
});

describe("names", () => {
  test("choose the certificate, by wildcard too; an unknown one, and none, is refused", async () => {
    const subject = async (name: string) => /subject=CN ?= ?(\S+)/.exec(await openssl(name, GET))?.[1];
    expect([await subject("a.test"), await subject("b.test"), await subject("x.b.test")]).toEqual(["a", "b", "b"]);
    for (const name of ["c.test", "btest", ""]) expect(await subject(name)).toBeUndefined();
  });
});

test("what is sent is what the file holds, whatever the machine would add to it", async () => {
  const sent = (await openssl("a.test", GET, "-showcerts")).match(/BEGIN CERTIFICATE/g);
  expect(sent).toHaveLength(1);
});

describe("sessions", () => {
  /** Resumes a session of a.test so many times under `name`; the kernel spreads connections over the fronts. */
  async function resumed(name: string, version: string, times: number): Promise<number> {
    await openssl("a.test", GET, version, "-sess_out", "session.pem", "-ign_eof");
    const all = Array.from({ length: times }, () => openssl(name, "", version, "-sess_in", "session.pem"));
    return (await Promise.all(all)).filter((out) => out.includes("Reused, TLS")).length;
  }

  for (const version of ["-tls1_2", "-tls1_3"]) {
    test(`resume where they were made and never at another site (${version})`, async () => {
      // One front of two has made it, and may be met by none of these.
      await until("one that is resumed", 30_000, async () => (await resumed("a.test", version, 12)) > 0);
      expect(await resumed("b.test", version, 12)).toBe(0);
    });
  }
});

/** Seconds from a request to its reply, of eleven new connections the one in the middle; `delay`: the client leaves Nagle's
 *  algorithm on, and so sends its request when the end of the handshake was acknowledged. */
const NEW_CONNECTIONS = `
import socket, ssl, statistics, sys, time
port, authority, delay = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "delay"
context = ssl.create_default_context(cafile=authority)
def once():
    plain = socket.create_connection(("127.0.0.1", port))
    if not delay: plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(plain, server_hostname="a.test") as wire:
        began = time.perf_counter()
        wire.sendall(b"GET / HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 200"), "no reply"
        assert wire.version() == "TLSv1.3", wire.version()
        return time.perf_counter() - began
print(statistics.median(once() for _ in range(11)))
`;

test("a client that has not set TCP_NODELAY does not wait for a delayed acknowledgement", async () => {
  const seconds = async (how: "delay" | "nodelay") => {
    const words = ["-c", NEW_CONNECTIONS, String(usual), join(folder, "ca.pem"), how];
    const child = Bun.spawn(["python3", ...words], { stdout: "pipe", stderr: "inherit" });
    return Number(await new Response(child.stdout).text());
  };
  const quick = await seconds("nodelay");
  expect(quick).toBeGreaterThan(0);
  // The kernel's least delay is 40 ms.
  expect((await seconds("delay")) - quick).toBeLessThan(0.03);
});

describe("what a server must not do", () => {
  test("it does not renegotiate", async () => {
    // Its input stays open: at the end of it openssl leaves.
    const words = ["-connect", `127.0.0.1:${usual}`, "-servername", "a.test", "-tls1_2"];
    const child = Bun.spawn(["timeout", "20", "openssl", "s_client", ...words], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "pipe",
    });
    child.stdin.write("R\n");
    await child.stdin.flush();
    expect(await new Response(child.stderr).text()).toMatch(/no renegotiation|unexpected message/);
  });

  test("it does not end without a close_notify", async () => {
    const out = await openssl("a.test", GET, "-ign_eof", "-state");
    expect(out).toContain("HTTP/1.1 200");
    expect(out).toMatch(/SSL3 alert read:warning:close notify/);
  });

  test("it does not speak HTTP in the clear, and says so", async () => {
    const { stdout } = await curl("-i", `http://127.0.0.1:${usual}/`);
    expect(stdout).toStartWith("HTTP/1.1 400 ");
    // Also to who pipelines, or says nothing that is either.
    expect(await raw(Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\nGET / HTTP/1.1\r\n\r\n"))).toStartWith(
      "HTTP/1.1 400 ",
    );
    expect(await raw(Buffer.from("SSH-2.0-x\r\n"))).not.toContain("HTTP/1.1 2");
  });
});

/** All that comes back. */
function raw(bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port: usual }, () => socket.write(bytes));
    socket.on("data", (data) => (text += data.toString("latin1")));
    socket.on("close", () => resolve(text));
    socket.on("error", () => {});
  });
}
