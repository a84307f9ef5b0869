/**
 * Who trusts the local authority of `tls = "internal"`: the certificates that the system's programs believe, and the stores of
 * browsers that have their own (NSS: Chromium's of the user, Firefox's profiles), where certutil is there.
 */
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Store } from "../certificates/store.ts";

export interface LocalRoot {
  readonly pem: string;
  /** A file that should have it. */
  readonly path: string;
  /** What people compare. */
  readonly describe: string;
  /** Names it where it is kept: another for another authority. */
  readonly label: string;
}

export interface TrustOutcome {
  readonly ok: boolean;
  readonly text: string;
}

/** It becomes part of a file's name. */
const NOT_PLAIN = /[^A-Za-z0-9 ._-]/g;

/** A string is why there is none. */
export function localRoot(stateDirectory: string): LocalRoot | string {
  const [root] = new Store(stateDirectory).authority()?.chain ?? [];
  const path = join(stateDirectory, "authority.crt");
  if (root === undefined)
    return `${path} is not there, or not to be read by this user; it is made when a site with tls = "internal" is served first`;
  const subject = root.subject.replace(/^CN=/, "").replace(NOT_PLAIN, "-");
  const fingerprint = root.fingerprint256;
  return {
    // Of what is described here: the other file may be older, and who runs the server may have put anything in its place.
    pem: `${root.toString().trimEnd()}\n`,
    path,
    describe: `${path}: ${subject}, until ${root.validToDate.toISOString().slice(0, 10)}\nSHA-256 ${fingerprint}`,
    label: `${subject.replaceAll(" ", "-")}-${fingerprint.replaceAll(":", "").slice(0, 8).toLowerCase()}`,
  };
}

export interface SystemStore {
  readonly folder: string;
  readonly command: readonly [string, ...string[]];
}

/** Where distributions take additions from, and what makes them known: Debian, Fedora, Arch. */
const SYSTEM_STORES: readonly SystemStore[] = [
  { folder: "/usr/local/share/ca-certificates", command: ["update-ca-certificates"] },
  { folder: "/etc/pki/ca-trust/source/anchors", command: ["update-ca-trust", "extract"] },
  { folder: "/etc/ca-certificates/trust-source/anchors", command: ["trust", "extract-compat"] },
];

/** `home`: of the user whose browsers are meant; undefined: nobody's. */
export function trustStores(
  root: LocalRoot,
  action: "install" | "remove",
  home: string | undefined,
  systemStores = SYSTEM_STORES,
): TrustOutcome[] {
  return [systemStore(root, action, systemStores), ...browserStores(root, action, home)];
}

function systemStore(
  root: LocalRoot,
  action: "install" | "remove",
  systemStores: readonly SystemStore[],
): TrustOutcome {
  const store = systemStores.find(({ folder, command }) => existsSync(folder) && Bun.which(command[0]) !== null);
  if (store === undefined) {
    return {
      ok: false,
      text: `the system's store is not known here (update-ca-certificates is not installed?): ${root.path} is the file to add`,
    };
  }
  const file = join(store.folder, `${root.label}.crt`);
  try {
    if (action === "install") writeFileSync(file, root.pem, { mode: 0o644 });
    else rmSync(file, { force: true });
  } catch (error) {
    return { ok: false, text: `${file} cannot be changed: ${(error as Error).message}; root can (sudo)` };
  }
  const failure = run(store.command);
  if (failure !== undefined) return { ok: false, text: `${store.command.join(" ")}: ${failure}` };
  return {
    ok: true,
    text: action === "install" ? `the system trusts it: ${file}` : `the system trusts it no more: ${file}`,
  };
}

function browserStores(root: LocalRoot, action: "install" | "remove", home: string | undefined): TrustOutcome[] {
  const stores = home === undefined ? [] : nssStores(home);
  if (stores.length === 0) return [];
  if (Bun.which("certutil") === null)
    return [
      {
        ok: false,
        text: `browsers have stores of their own (${stores.join(", ")}): certutil changes them (libnss3-tools)`,
      },
    ];
  return stores.map((store) => {
    const words = action === "install" ? ["-A", "-n", root.label, "-t", "C,,", "-a"] : ["-D", "-n", root.label];
    const failure = run(["certutil", "-d", `sql:${store}`, ...words], root.pem);
    if (failure !== undefined) return { ok: false, text: `${store}: ${failure}` };
    return {
      ok: true,
      text: action === "install" ? `browsers trust it: ${store}` : `browsers trust it no more: ${store}`,
    };
  });
}

/** Folders with a cert9.db: Chromium's, and of each profile of Firefox. */
function nssStores(home: string): string[] {
  const profiles = [join(home, ".mozilla/firefox"), join(home, "snap/firefox/common/.mozilla/firefox")];
  const folders = [
    join(home, ".pki/nssdb"),
    join(home, "snap/chromium/current/.pki/nssdb"),
    ...profiles.flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])),
  ];
  return folders.filter((folder) => existsSync(join(folder, "cert9.db")));
}

/** Undefined, or what it said. */
function run(command: readonly string[], input = ""): string | undefined {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { stdin: Buffer.from(input) });
  return exitCode === 0 ? undefined : (stderr.toString() || stdout.toString()).trim() || `exited with code ${exitCode}`;
}
