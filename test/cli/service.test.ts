/** `server service show`: from a configuration to the unit that it needs. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolder } from "../support/folder.ts";
import { told } from "../support/terminal.ts";

/** Of Debian's base: everywhere. */
const DAEMON = 1;

const folder = makeFolder("service");

beforeAll(() => {
  mkdirSync(join(folder, "project"));
  mkdirSync(join(folder, "logs"));
  writeFileSync(join(folder, "project/wsgi.py"), "application = None\n");
  writeFileSync(join(folder, "page.html"), "page");
});

afterAll(() => removeFolder(folder));

async function service(toml: string, ...words: readonly string[]) {
  writeFileSync(join(folder, "server.toml"), toml);
  const environment = { PATH: "/usr/bin:/bin", SHELL_ONLY: "1" };
  const { code, stdout, stderr } = await told(["service", ...words], folder, environment);
  const values = (key: string) =>
    stdout.split("\n").flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
  return { code, stdout, stderr, values };
}

const PAGES = `
[[site]]
listen = ["127.0.0.1:8080"]
[site.routes]
"/" = { files = "page.html" }
`;

test("no port below 1024, no capability; one, and the one capability", async () => {
  const high = await service(PAGES, "show", "--user", "daemon");
  expect([high.code, high.values("CapabilityBoundingSet"), high.values("User")]).toEqual([0, [""], ["daemon"]]);
  const low = await service(PAGES.replace("8080", "80"), "show", "--user", "daemon");
  expect(low.values("CapabilityBoundingSet")).toEqual(["CAP_NET_BIND_SERVICE"]);
});

test("what is written may be: projects, logs, sockets; and sockets below /run/NAME can be reached", async () => {
  const toml = `
[server]
access_log = "logs/access.log"
[app.a]
uwsgi_socket = "127.0.0.1:8997"
root = "project"
wsgi = "wsgi.py"
python = "/usr/bin/python3"
${PAGES.replace('"127.0.0.1:8080"', '"unix:/run/try-it/a.sock"')}`;
  chownSync(join(folder, "logs"), DAEMON, DAEMON);
  const { stdout, stderr, values } = await service(toml, "show", "--user", "daemon", "--name", "try-it");
  expect({ stdout, stderr }).toMatchObject({ stderr: "" });
  // The folder of the test is in /tmp, which is written as a whole.
  expect(values("ReadWritePaths")).toEqual(["/tmp /var/tmp"]);
  expect(values("PrivateTmp")).toEqual(["no"]);
  expect(values("RuntimeDirectory")).toEqual(["try-it"]);
  expect(values("RuntimeDirectoryMode")).toEqual(["0755"]);
});

test("it runs as the owner of the project, unless that is root", async () => {
  chownSync(folder, DAEMON, DAEMON);
  chmodSync(folder, 0o755);
  const { values } = await service(PAGES, "show");
  expect(values("User")).toEqual(["daemon"]);
});

test("a configuration that only root may read needs a capability; a project has to be readable", async () => {
  const app = `[app.a]\nroot = "closed"\nwsgi = "../project/wsgi.py"\npython = "/usr/bin/python3"\nuwsgi_socket = "127.0.0.1:8997"\n`;
  mkdirSync(join(folder, "closed"), { mode: 0o700 });
  writeFileSync(join(folder, "server.toml"), PAGES);
  chmodSync(join(folder, "server.toml"), 0o600);
  const { code, stderr, values } = await service(app + PAGES, "show", "--user", "nobody");
  chmodSync(join(folder, "server.toml"), 0o644);
  expect(code).toBe(0);
  expect(values("CapabilityBoundingSet")).toEqual(["CAP_DAC_READ_SEARCH"]);
  expect(stderr).toContain("closed is not readable for nobody");
});

test("what the user of the unit could not write is said, but for what systemd makes for it", async () => {
  const toml = (place: string) =>
    `[server]\npid_file = "${place}/server.pid"\nerror_log = "shut/logs/error.log"\n${PAGES}`;
  mkdirSync(join(folder, "shut"), { mode: 0o755 });
  chownSync(join(folder, "shut"), 0, 0);
  mkdirSync(join(folder, "shut/logs"));
  const { stderr } = await service(toml("/run"), "show", "--user", "nobody", "--name", "try-it");
  expect(stderr).toContain("server: /run is not writable for nobody, as far as its mode says; /run/try-it and");
  expect(stderr).toContain("shut/logs is not writable for nobody");
  chmodSync(join(folder, "shut/logs"), 0o777);
  expect((await service(toml("/run/try-it"), "show", "--user", "nobody", "--name", "try-it")).stderr).toBe("");
});

test("the user of the configuration is that of the unit; other users need what makes them", async () => {
  const app = `[app.a]\nroot = "project"\nwsgi = "wsgi.py"\npython = "/usr/bin/python3"\nuwsgi_socket = "127.0.0.1:8997"\n`;
  const toml = (user: string) => `[server]\nuser = "daemon"\n${app}user = "${user}"\n${PAGES}`;
  const same = await service(toml("daemon"), "show");
  expect([same.values("User"), same.values("CapabilityBoundingSet")]).toEqual([["daemon"], [""]]);
  const other = await service(toml("bin"), "show");
  expect(other.values("AmbientCapabilities")).toEqual(["CAP_SETUID CAP_SETGID CAP_KILL CAP_CHOWN"]);
  expect(other.values("ProtectProc")).toEqual([]);
});

test("variables of the terminal are none of the unit's; a file of them is", async () => {
  const toml = PAGES.replace("page.html", "$ENV{SHELL_ONLY:-none}.html").replace("none", "page");
  expect((await service(toml, "show", "--user", "daemon")).code).toBe(0);
  const needs = PAGES.replace("page.html", "$ENV{PAGE}");
  const without = await service(needs, "show", "--user", "daemon");
  expect(without.code).toBe(2);
  expect(without.stderr).toContain("--env-file names a file of those it needs");
  writeFileSync(join(folder, "env"), 'PAGE="page.html"\n# nothing\n');
  const given = await service(needs, "show", "--user", "daemon", "--env-file", "env");
  expect([given.code, given.values("EnvironmentFile")]).toEqual([0, [join(folder, "env")]]);
});

test.each([
  [["show", "--user", "nobody-of-this-name"], 1, "--user nobody-of-this-name is no user of this machine"],
  [["show", "--group", "none-of-this-name"], 1, "--group none-of-this-name is no group of this machine"],
  [["show", "--name=---"], 1, "--name"],
  [["instal"], 2, "needs one of install, uninstall, show"],
  [[], 2, "needs one of install, uninstall, show"],
  // Without systemd, as somebody else than root, with nobody to ask.
  [["install", "--user", "daemon"], 1, /systemd does not run this machine|only root may|nothing was changed/],
  [["uninstall", "--name", "no-unit-of-ours"], 1, /systemd does not run this machine|only root may|there is no/],
])("%p is refused", async (words, code, text) => {
  const refused = await service(PAGES, ...words);
  expect(refused.code).toBe(code);
  expect(refused.stderr).toMatch(text);
});
