/** The facts in a few rows, as they are shown before anything is asked. */
import { relativeTo, type Seen, usableCallables } from "./seen.ts";
import { portTrouble, showHolders } from "./questions-site.ts";
import { showBytes } from "./sizing.ts";

type Row = readonly [name: string, text: string];

export function machineRows(seen: Seen): Row[] {
  const { host, addresses } = seen.machine;
  const cores = host.cores === 1 ? "1 core" : `${host.cores} cores`;
  const memory = host.memoryBytes === undefined ? "" : `, ${showBytes(host.memoryBytes)} of memory`;
  const user = host.account.name ?? `user ${host.account.uid}`;
  const { taken, forbidden } = portTrouble(seen);
  const ports =
    taken.length > 0 ? showHolders(taken).join("; ") : forbidden ? "80 and 443 are for root" : "80 and 443 are free";
  const open = addresses.open.join(", ");
  return [
    [
      "Machine",
      `${cores}${memory}; ${user}; ${host.systemd ? "systemd" : "no systemd"}${host.container ? "; a container" : ""}`,
    ],
    ["Ports", seen.running ? "a server with this server.toml runs" : ports],
    ["Addresses", open === "" ? "none that the world can reach" : open],
  ];
}

export function projectRows(seen: Seen): Row[] {
  const { facts } = seen;
  if (facts === undefined) return [];
  const { project, python, loaded } = facts;
  const kind =
    project.kind === "django"
      ? `Django ${loaded?.version ?? ""}`.trim()
      : project.kind === "wsgi"
        ? wsgiName(seen)
        : "Files";
  const rows: Row[] = [["Project", `${kind}: ${project.name}, in ${project.root}`]];
  if (python?.chosen !== undefined) {
    const { version, virtualenv, python: path } = python.chosen;
    rows.push(["Python", `${version}, ${relativeTo(project.root, virtualenv ?? path)}`]);
    for (const other of python.others) {
      if ("failure" in other) rows.push(["", `not ${other.python}: ${other.failure}`]);
      else if (project.kind === "django") rows.push(["", `${other.python} has no Django`]);
    }
  }
  const { settings } = loaded ?? {};
  if (settings !== undefined) {
    const hosts =
      settings.allowedHosts.length === 0 ? "no ALLOWED_HOSTS" : `ALLOWED_HOSTS ${settings.allowedHosts.join(", ")}`;
    rows.push(["Settings", `${settings.module ?? "?"}: DEBUG ${settings.debug ? "on" : "off"}; ${hosts}`]);
    const engines = settings.databases.map(({ engine }) => engine.split(".").at(-1) ?? engine);
    if (engines.length > 0) rows.push(["Database", [...new Set(engines)].join(", ")]);
    const root = settings.staticRoot;
    rows.push([
      "Static",
      `${settings.staticUrl ?? "no STATIC_URL"}${root === undefined ? ", no STATIC_ROOT" : ` from ${relativeTo(project.root, root)}`}`,
    ]);
  }
  for (const { path, kind: what, program } of facts.existing)
    rows.push([
      "Today",
      what === "unit" ? `${program ?? ""} in ${path}` : `${what}: ${relativeTo(project.root, path)}`,
    ]);
  return rows;
}

function wsgiName(seen: Seen): string {
  const project = seen.facts?.project;
  if (project?.kind !== "wsgi") return "";
  const [found] = usableCallables(project);
  return found?.framework ?? project.callables[0]?.framework ?? "Python";
}
