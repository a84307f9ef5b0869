/** HTTPS with certificates of one's own: curl and openssl as clients, Python behind it, certificates that change under load. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { curl, curlMissing } from "../support/curl.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { testUnless } from "../support/skip.ts";
import { probeApp } from "../support/toml.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = curlMissing() ?? opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("https");
const LARGE = Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef");
const echo = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => new Response(JSON.stringify(Object.fromEntries(request.headers))),
});
let server: Server;
let authority: Authority;
let secure: number;
let plain: number;

beforeAll(async () => {
  if (missing !== undefined) return;
  authority = new Authority(folder);
  authority.make("a", { names: "DNS:a.test,DNS:*.a.test" });
  authority.make("b", { names: "DNS:b.test" });
  authority.make("c", { names: "DNS:c.test" });
  authority.make("address", { names: "IP:127.0.0.1" });
  authority.make("client", { names: "DNS:client.test" });
  authority.make("stranger", { names: "DNS:stranger.test", selfSigned: true });
  writeFiles(folder, { "www/large": LARGE });
  [secure, plain] = [await freePort(), await freePort()];
  const listen = `listen = [{ address = "127.0.0.1:${secure}", tls = true }, "127.0.0.1:${plain}"]`;
  const seen = '"/seen" = { respond = "$ssl_protocol $ssl_server_name $ssl_client_verify $ssl_client_s_dn $scheme" }';
  server = await startServer(
    `[server]
fronts = 2
handshake_timeout = "5s"
${probeApp({ app: "" })}
[upstream.echo]
servers = ["127.0.0.1:${echo.port}"]
[[site]]
names = ["a.test", "*.a.test"]
${listen}
tls = { cert = "a.pem", key = "a.key" }
hsts = { max_age = "1d", include_subdomains = true }
[site.routes]
${seen}
"/files/" = { files = "www/" }
"/app/" = { app = "probe", mount = false }
[[site]]
names = ["b.test"]
${listen}
tls = { cert = "b.pem", key = "b.key", client_ca = "ca.pem" }
[site.routes]
${seen}
"/echo" = { upstream = "echo" }
"/app/" = { app = "probe", mount = false }
[[site]]
names = ["c.test"]
${listen}
https_redirect = false
hsts = { ramp_from = ${new Date().toISOString().slice(0, 10)} }
tls = { cert = "c.pem", key = "c.key", client_ca = "ca.pem", client_auth = "optional" }
[site.routes]
${seen}
[[site]]
names = ["127.0.0.1"]
${listen}
tls = { cert = "address.pem", key = "address.key" }
[site.routes]
${seen}
`,
    { folder },
  );
});

afterAll(async () => {
  if (missing === undefined) await server.dispose();
  await echo.stop(true);
  removeFolder(folder);
});

const CLIENT = ["--cert", join(folder, "client.pem"), "--key", join(folder, "client.key")];

function ask(host: string, path: string, ...more: string[]) {
  const names = [host, "a.test", "b.test", "c.test"].flatMap((name) => ["--resolve", `${name}:${secure}:127.0.0.1`]);
  return curl("--cacert", authority.pem, ...names, ...more, `https://${host}:${secure}${path}`);
}

const text = async (...args: Parameters<typeof ask>) => (await ask(...args)).stdout;
const status = (...[host, path, ...more]: Parameters<typeof ask>) =>
  text(host, path, "-o", "/dev/null", "-w", "%{http_code}", ...more);

describe("a site", () => {
  test("shows its own certificate, which curl verifies, and knows that it is asked by HTTPS", async () => {
    expect(await text("a.test", "/seen")).toBe("TLSv1.3 a.test NONE  https");
    expect(await text("www.a.test", "/seen", "--tls-max", "1.2")).toBe("TLSv1.2 www.a.test NONE  https");
  });

  test("that nobody has shows none", async () => {
    expect((await ask("d.test", "/seen")).code).toBe(35);
    await server.logged('no site here is called "d.test"');
  });

  test("is not reached through the handshake of another", async () => {
    expect(await status("a.test", "/seen", "-H", "Host: b.test")).toBe("421");
    expect(await status("a.test", "/seen", "-H", "Host: www.a.test")).toBe("200");
  });

  test("that is called by an address is shown to clients that are sent there, who name none", async () => {
    expect(await text("127.0.0.1", "/seen")).toBe("TLSv1.3  NONE  https");
    expect(await status("127.0.0.1", "/seen", "-H", "Host: a.test")).toBe("421");
    expect(await status("a.test", "/seen", "-H", "Host: 127.0.0.1")).toBe("421");
  });

  test("sends files whole", async () => {
    const out = join(folder, "got");
    expect((await ask("a.test", "/files/large", "-o", out)).code).toBe(0);
    expect(Buffer.compare(readFileSync(out), LARGE)).toBe(0);
  });

  test("tells Python of it", async () => {
    const environ = JSON.parse(await text("a.test", "/app/facts"));
    expect(environ).toMatchObject({ HTTPS: "on", "wsgi.url_scheme": "https", SERVER_PORT: String(secure) });
    expect(environ).not.toHaveProperty("SSL_CLIENT_VERIFY");
  });

  test("takes bodies, and refuses those that are too large with an answer that arrives", async () => {
    writeFiles(folder, { upload: LARGE });
    const sent = ["--data-binary", `@${join(folder, "upload")}`];
    expect(await status("a.test", "/app/echo", ...sent)).toBe("200");
    expect(await status("a.test", "/seen", ...sent)).toBe("200");
  });

  test("asks browsers to come back by HTTPS, on encrypted connections only", async () => {
    const { stdout } = await ask("a.test", "/nowhere", "-i");
    expect(stdout).toContain("\r\nStrict-Transport-Security: max-age=86400; includeSubDomains\r\n");
    expect((await clear("a.test", "/nowhere")).stdout).not.toContain("Strict-Transport-Security");
    // Today is the first day of its ramp.
    expect((await ask("c.test", "/seen", "-i")).stdout).toContain("\r\nStrict-Transport-Security: max-age=300\r\n");
  });
});

function clear(host: string, path: string, ...more: string[]) {
  return curl("-i", "--resolve", `${host}:${plain}:127.0.0.1`, ...more, `http://${host}:${plain}${path}`);
}

describe("unencrypted requests", () => {
  test("are sent to the encrypted address, path and method kept", async () => {
    const { stdout } = await clear("www.a.test", "/a%20b?c=d", "-X", "POST");
    expect(stdout).toStartWith("HTTP/1.1 308 ");
    expect(stdout).toContain(`\r\nLocation: https://www.a.test:${secure}/a%20b?c=d\r\n`);
  });

  test("are explained as what they are", async () => {
    const explain = async (url: string) => (await server.command("explain", url)).stdout.split("\n", 1)[0];
    expect(await explain(`http://a.test:${plain}/x`)).toContain(`308: redirect to https://a.test:${secure}/x`);
    expect(await explain(`https://a.test:${secure}/seen`)).toContain("200");
    expect(await explain(`http://c.test:${plain}/seen`)).toContain("200");
  });

  test("are served where the site says so", async () => {
    expect((await clear("c.test", "/seen")).stdout).toEndWith("\r\n\r\n    http");
  });

  test("on the encrypted address are answered in plain words", async () => {
    const { stdout } = await curl("-i", `http://127.0.0.1:${secure}/`);
    expect(stdout).toStartWith("HTTP/1.1 400 Bad Request\r\n");
    expect(stdout).toContain("This address speaks HTTPS");
  });
});

describe("a client's certificate", () => {
  test("is needed where it is required", async () => {
    expect(await text("b.test", "/seen")).toMatch(
      /400 Bad Request[^]*This site needs a client certificate, and none was sent/,
    );
    const stranger = ["--cert", join(folder, "stranger.pem"), "--key", join(folder, "stranger.key")];
    expect(await text("b.test", "/seen", ...stranger)).toMatch(/400 Bad Request[^]*sent is not accepted here/);
    await server.logged(/no good client certificate for b\.test: FAILED:self.signed certificate/);
    expect(await text("b.test", "/seen", ...CLIENT)).toBe("TLSv1.3 b.test SUCCESS CN=client https");
  });

  test("is asked for, and told of, where it is optional", async () => {
    expect(await text("c.test", "/seen")).toBe("TLSv1.3 c.test NONE  https");
    expect(await text("c.test", "/seen", ...CLIENT)).toBe("TLSv1.3 c.test SUCCESS CN=client https");
  });

  test("is told to apps and upstreams, whatever the client says of it", async () => {
    const fingerprint = new X509Certificate(readFileSync(CLIENT[1] as string)).fingerprint
      .replaceAll(":", "")
      .toLowerCase();
    const lies = ["-H", "X-SSL-Client-Verify: NO", "-H", "X-SSL-Client-Serial: 1"];
    const environ = JSON.parse(await text("b.test", "/app/facts", ...CLIENT, ...lies));
    expect(environ).toMatchObject({
      SSL_CLIENT_VERIFY: "SUCCESS",
      SSL_CLIENT_S_DN: "CN=client",
      SSL_CLIENT_I_DN: "CN=test-authority",
      SSL_CLIENT_FINGERPRINT: fingerprint,
    });
    expect(environ).not.toHaveProperty("HTTP_X_SSL_CLIENT_VERIFY");
    const headers = JSON.parse(await text("b.test", "/echo", ...CLIENT, ...lies));
    expect(headers).toMatchObject({
      "x-ssl-client-verify": "SUCCESS",
      "x-ssl-client-s-dn": "CN=client",
      "x-ssl-client-fingerprint": fingerprint,
      "x-forwarded-proto": "https",
    });
    expect(headers).not.toHaveProperty("x-ssl-client-serial");
  });
});

test("a handshake that does not come is not waited for", async () => {
  const ended = Promise.withResolvers<void>();
  const socket = { data: () => {}, close: () => ended.resolve(), open: () => {}, error: () => ended.resolve() };
  await Bun.connect({ hostname: "127.0.0.1", port: secure, socket });
  await ended.promise;
  await server.logged("handshake_timeout");
});

describe("files that change", () => {
  const put = (name: string) => {
    for (const end of ["pem", "key"]) copyFileSync(join(folder, `${name}.${end}`), join(folder, `a.${end}`));
  };

  test("are shown without a restart, with no request lost", async () => {
    const before = await shown();
    authority.make("renewed", { names: "DNS:a.test,DNS:*.a.test" });
    let stop = false;
    const failures: string[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) {
        const { code, stdout, stderr } = await ask("a.test", "/seen");
        if (code !== 0 || !stdout.startsWith("TLSv1.3 a.test")) failures.push(`${code} ${stdout} ${stderr}`);
      }
    });
    put("renewed");
    // Each front hears of it for itself.
    await until("new certificate, whichever front is met", 20_000, async () => {
      const seen = new Set(await Promise.all(Array.from({ length: 6 }, shown)));
      return seen.size === 1 && !seen.has(before);
    });
    stop = true;
    await Promise.all(load);
    expect(failures).toEqual([]);
    await server.logged("site a.test: shows the new certificate, valid until ");
  });

  test("for the worse change nothing, and it is said", async () => {
    const before = await shown();
    writeFiles(folder, { "a.key": readFileSync(join(folder, "b.key")) });
    await until("complaint", 20_000, () =>
      /the new files are not taken: .*a\.key, which is not the key of/.test(server.log),
    );
    expect(await shown()).toBe(before);
    authority.make("over", { names: "DNS:a.test", expired: true });
    put("over");
    await until("complaint", 20_000, () => server.log.includes("not taken: the certificate expired on"));
    expect(await shown()).toBe(before);
    expect((await server.command("status")).stdout).toMatch(
      /certificate a\.test: valid for .*, from files\n {2}the new files are not taken: the certificate expired/,
    );
    put("renewed");
    await until("end of the complaint", 20_000, async () => {
      const { certificates } = JSON.parse((await server.command("status", "--json")).stdout);
      // Nobody orders files.
      expect(certificates).toContainEqual(expect.objectContaining({ source: "files", nextAt: null, failures: null }));
      return !JSON.stringify(certificates).includes("not taken");
    });
    await server.logged("site a.test: the files hold the certificate that is shown again");
  });

  /** The fingerprint of what is shown. */
  async function shown(): Promise<string> {
    const command = ["openssl", "s_client", "-connect", `127.0.0.1:${secure}`, "-servername", "a.test"];
    const child = Bun.spawn(["timeout", "20", ...command], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    const [pem] = /-----BEGIN[^]*?-----END CERTIFICATE-----/.exec(await new Response(child.stdout).text()) ?? [""];
    return new X509Certificate(pem).fingerprint256;
  }
});
