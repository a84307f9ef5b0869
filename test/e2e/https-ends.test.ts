/**
 * Replies of a server behind TLS that only their connection delimits: whole when it was ended by TLS (close_notify), else cut short,
 * however the bytes came and whoever reads them. Python's ssl plays the server.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { E2E_TIMEOUT_MS, type Server, startServer } from "../support/binary.ts";
import { Authority, opensslMissing } from "../support/certificates.ts";
import { freePort, makeFolder, removeFolder, writeFiles } from "../support/folder.ts";
import { Peer } from "../support/peer.ts";
import { testUnless } from "../support/skip.ts";
import { ONE_FRONT, site } from "../support/toml.ts";
import { type Address, Client, get } from "../support/wire.ts";

setDefaultTimeout(E2E_TIMEOUT_MS);

const missing = opensslMissing();
const test = testUnless(missing);
const folder = makeFolder("https-ends");

/** `/END/BYTES/HOW`: a reply of so many bytes, all at once or one TLS record after the other, and the end. */
const SCRIPT = `
import socket, ssl, struct, sys, threading, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("good.pem", "good.key")
context.minimum_version = context.maximum_version = ssl.TLSVersion[sys.argv[1]]

def serve(plain):
    try:
        tls = context.wrap_socket(plain, server_side=True)
        head = b""
        while b"\\r\\n\\r\\n" not in head:
            more = tls.recv(4096)
            if not more: return
            head += more
        end, size, how = head.split()[1].decode().strip("/").split("/")
        body = (b"0123456789abcdef" * (int(size) // 16 + 1))[:int(size)]
        tls.sendall(b"HTTP/1.0 200 OK\\r\\nX-End: " + end.encode() + b"\\r\\n\\r\\n")
        for at in range(0, len(body), 1 if how == "slivers" else 16000):
            tls.sendall(body[at:at + (1 if how == "slivers" else 16000)])
            if how == "slivers": time.sleep(0.002)
        if how == "late": time.sleep(0.1)
        if end == "notify":
            tls.settimeout(10)
            try: tls.unwrap()
            except (OSError, ValueError): pass
        elif end == "both":
            # The end of the connection comes right behind that of TLS.
            tls.setblocking(False)
            try: tls.unwrap()
            except (OSError, ValueError): pass
        elif end == "half":
            # The first bytes of a record whose rest never comes.
            socket.socket(fileno=tls.detach()).sendall(b"\\x17\\x03\\x03\\x00\\x13\\x01\\x02")
            return
        elif end == "reset":
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tls.close()
    except OSError:
        pass

listener = socket.create_server(("127.0.0.1", int(sys.argv[2])), backlog=100)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`;

const VERSIONS = ["TLSv1_2", "TLSv1_3"] as const;
const peers: Peer[] = [];
let server: Server;
let address: Address;

beforeAll(async () => {
  if (missing !== undefined) return;
  new Authority(folder).make("good", { names: "IP:127.0.0.1" });
  writeFiles(folder, { "ends.py": SCRIPT });
  let toml = ONE_FRONT;
  for (const version of VERSIONS) {
    const port = await freePort();
    const command = ["python3", "ends.py", version, String(port)];
    peers.push(await Peer.start(command, { host: "127.0.0.1", port }, folder, "SIGTERM"));
    toml += `[upstream.${version}]\nprotocol = "https"\nservers = ["127.0.0.1:${port}"]\ntls = { ca = "ca.pem" }\n`;
  }
  const port = await freePort();
  address = { host: "127.0.0.1", port };
  const routes = VERSIONS.map((name) => `"/${name}/" = { upstream = "${name}", strip_prefix = true }`);
  server = await startServer(toml + site(`127.0.0.1:${port}`, routes.join("\n")), { folder });
});

afterAll(async () => {
  if (missing === undefined) await server.dispose();
  for (const peer of peers) await peer.stop();
  removeFolder(folder);
});

/** What a client makes of the reply: its bytes, or that it is not whole. */
async function outcome(target: string): Promise<number | "cut short"> {
  try {
    const { status, body } = await get(address, target);
    return status === 200 ? body.length : "cut short";
  } catch {
    return "cut short";
  }
}

/** 2: as long as an alert is. 16,000: one record; then it is many. */
const SIZES = [0, 1, 2, 3, 100, 16_000, 300_000, 4_000_000];

for (const version of VERSIONS) {
  for (const size of SIZES) {
    test(`${version}: ${size} bytes and close_notify are whole`, async () => {
      for (const end of ["notify", "both"]) {
        const outcomes = await Promise.all(["once", "late"].map((how) => outcome(`/${version}/${end}/${size}/${how}`)));
        expect([end, ...outcomes]).toEqual([end, size, size]);
      }
    });

    test(`${version}: ${size} bytes and no close_notify are cut short`, async () => {
      for (const end of ["fin", "half", "reset"]) {
        const outcomes = await Promise.all(["once", "late"].map((how) => outcome(`/${version}/${end}/${size}/${how}`)));
        expect([end, ...outcomes]).toEqual([end, "cut short", "cut short"]);
      }
    });
  }

  test(`${version}: what is not whole is told in the log, with the remedy`, async () => {
    await outcome(`/${version}/fin/5/once`);
    await server.logged(new RegExp(`upstream ${version}, .*uncertain_end.*close_notify.*Content-Length`));
  });

  test(`${version}: a record for each byte changes nothing`, async () => {
    const outcomes = await Promise.all(["notify", "fin"].map((end) => outcome(`/${version}/${end}/200/slivers`)));
    expect(outcomes).toEqual([200, "cut short"]);
  });

  for (const [end, expected] of [
    ["notify", 9_000_000],
    ["both", 9_000_000],
    ["fin", "cut short"],
  ] as const) {
    test(`${version}: nor does a client that reads late (${end})`, async () => {
      const client = await Client.open(address);
      client.pause();
      client.send(`GET /${version}/${end}/9000000/once HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await Bun.sleep(700);
      client.resume();
      const read = client.answer().then(
        ({ body }) => body.length,
        () => "cut short",
      );
      expect(await read).toBe(expected);
      client.close();
    });
  }
}
