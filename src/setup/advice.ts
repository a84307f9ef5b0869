/** What the facts say that no answer changes: said at the end, each with what to do. */
import { dirname, join } from "node:path";
import { shellWord, upperFirst } from "../base/words.ts";
import { adviseSqlite, sqliteFile } from "../project/sqlite.ts";
import { isLocal, refusedAddress } from "./address.ts";
import type { Answers } from "./question.ts";
import { editOf, hasApp, importedTrouble, staticRootOf } from "./questions-app.ts";
import { ROOT_USER, servingUser } from "./questions-user.ts";
import { portTrouble, sayVerdict } from "./questions-site.ts";
import { domainsOf, relativeTo, type Seen } from "./seen.ts";

export function adviceFor(seen: Seen, answers: Answers): string[] {
  return [
    ...aboutSettings(seen, answers),
    ...(answers.https === "auto" ? [] : aboutNames(seen, answers)),
    ...aboutAsgi(seen),
    ...aboutReading(seen, answers),
    ...aboutWriting(seen, answers),
    ...aboutRoot(seen, answers),
    ...aboutExisting(seen, answers),
  ];
}

function aboutSettings(seen: Seen, answers: Answers): string[] {
  const { facts } = seen;
  const settings = facts?.loaded?.settings;
  if (facts === undefined || settings === undefined) return [];
  const said: string[] = [];
  const file = settings.file === undefined ? "the settings" : relativeTo(facts.project.root, settings.file);
  const edit = editOf(seen, answers);
  if (edit !== undefined && answers.lines !== "add")
    said.push(
      `Add to ${relativeTo(facts.project.root, edit.file)}, since ${edit.reasons.join(", and ")}:\n${edit.lines.map((line) => `    ${line}`).join("\n")}`,
    );
  if (settings.debug)
    said.push(
      `DEBUG is on: visitors see tracebacks and settings. Before the site is public: DEBUG = False in ${file}.`,
    );
  if (edit === undefined && !settings.debug && settings.allowedHosts.length === 0 && domainsOf(answers).length === 0)
    said.push(
      `ALLOWED_HOSTS is empty and DEBUG is off: Django answers 400 to everybody. List the site's names in ${file}.`,
    );
  else if (edit === undefined && hasApp(seen, answers) && domainsOf(answers).length === 0 && !isLocal(answers))
    said.push(...aboutAddress(seen, file));
  const staticUrl = settings.staticUrl ?? "";
  if (settings.staticPath === undefined && staticUrl !== "" && staticRootOf(seen, answers) === undefined)
    said.push(`STATIC_URL is ${staticUrl}: static files come from there, and not from here.`);
  if (settings.sslRedirect && (answers.https ?? "off") === "off")
    said.push("SECURE_SSL_REDIRECT is on and the site has no HTTPS: every page redirects to where nobody answers.");
  return said;
}

function aboutAddress(seen: Seen, file: string): string[] {
  const refused = refusedAddress(seen);
  if (refused === undefined) return [];
  return [
    `ALLOWED_HOSTS has no ${refused}: Django answers 400 to who comes by that address. Add it, or a name, in ${file}.`,
  ];
}

/** Of names whose certificate is ordered: true until it is there. */
export function adviceUntilCertificate(seen: Seen, answers: Answers): string[] {
  return answers.https === "auto" ? aboutNames(seen, answers) : [];
}

function aboutNames(seen: Seen, answers: Answers): string[] {
  return domainsOf(answers).flatMap((name) => {
    const verdict = seen.names.get(name);
    if (verdict === undefined || verdict.kind === "here" || verdict.kind === "not-public") return [];
    const said = sayVerdict(name, verdict, seen);
    if (said === undefined) return [];
    const more = answers.https === "auto" ? " The certificate comes when it leads here; until then browsers warn." : "";
    return [said + more];
  });
}

function aboutAsgi({ facts }: Seen): string[] {
  const settings = facts?.loaded?.settings;
  const apps = settings?.installedApps ?? [];
  if (!apps.includes("channels") && !apps.includes("daphne")) return [];
  const module = settings?.asgi?.replace(/\.(\w+)$/, ":$1") ?? "the ASGI application";
  return [
    `Channels is installed: WebSockets need an ASGI server beside this one. Start ${module} under daphne or uvicorn as a ` +
      "[service.NAME], and give its paths a route to an [upstream.NAME].",
  ];
}

function aboutReading(seen: Seen, answers: Answers): string[] {
  const { webUser, facts } = seen;
  const user = servingUser(seen, answers);
  if (facts?.project.kind !== "static" || webUser === undefined || user !== webUser.name) return [];
  const { root } = facts.project;
  const readable = `chmod -R a+rX ${shellWord(root)}`;
  if (!webUser.reaches) return [`${user} cannot read ${root}, so nothing of it is served: ${readable} lets everybody.`];
  if (webUser.cannotRead === undefined) return [];
  return [
    `${user} cannot read ${webUser.cannotRead}, which is not served then: ${readable} lets everybody read all of them.`,
  ];
}

/** What the project itself writes is mostly its owner's; it may be somebody else who serves. */
function aboutWriting(seen: Seen, answers: Answers): string[] {
  const { facts, files, owner, webUser } = seen;
  const settings = facts?.loaded?.settings;
  const user = servingUser(seen, answers);
  if (facts === undefined || settings === undefined || user === undefined || user === ROOT_USER || user === owner?.name)
    return [];
  // Of others than the user of web servers nothing was asked.
  const cannot = (path: string) =>
    user === webUser?.name ? webUser.cannotWrite.includes(path) : files.kind(path) !== undefined;
  const database = sqliteFile(settings);
  const { mediaRoot } = settings;
  const said: string[] = [];
  if (database !== undefined && (cannot(database) || cannot(dirname(database)))) {
    const { needs, remedy } = adviseSqlite(files, facts.project.root, settings, database, user);
    said.push(upperFirst(`${needs}: ${remedy}`));
  }
  if (mediaRoot !== undefined && cannot(mediaRoot))
    said.push(
      `Uploads go to ${mediaRoot}, which ${user} must be able to write: chown -R ${user}: ${shellWord(mediaRoot)}`,
    );
  return said;
}

/** A unit has a user of its own. */
function aboutRoot({ importable, owner, webUser }: Seen, answers: Answers): string[] {
  if (answers.import !== "yes" || importable?.asRoot !== true || answers.unit === "yes") return [];
  const user = owner?.name ?? webUser?.name ?? "www-data";
  return [
    `The imported files name no user, so the project runs as root, as it did: user = "${user}" in place of run_as_root is safer.`,
  ];
}

/** systemd.unit(5) */
const UNITS = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

function aboutExisting(seen: Seen, answers: Answers): string[] {
  const { facts, files, machine, importable } = seen;
  // One that the project keeps runs nothing by itself.
  const isKept = (path: string) => facts !== undefined && path.startsWith(join(facts.project.root, "/"));
  const units = (facts?.existing ?? []).filter(({ kind, path }) => kind === "unit" && !isKept(path));
  const goesOn = answers.import === "yes" && importable?.forwards === true;
  const said = units.map(({ path, program }) =>
    goesOn
      ? `${path} starts ${program}, to which server forwards: it has to go on.`
      : `${path} starts ${program} for this project: disable it when server has taken over.`,
  );
  const ofImport = importedTrouble(seen, answers);
  const taken = answers.listen === "web" ? portTrouble(seen).taken : ofImport;
  if (taken.length > 0) {
    const names = [...new Set(taken.flatMap(({ holders }) => holders.map(({ name }) => name)))];
    const units = names.filter((name) => UNITS.some((folder) => files.kind(`${folder}/${name}.service`) === "file"));
    const isService = machine.host.systemd && units.length > 0 && units.length === names.length;
    const others = names.length === 0 ? "what has the ports" : names.join(" and ");
    const stop = isService ? `systemctl disable --now ${units.join(" ")}` : `end ${others}`;
    said.push(`To switch over: ${stop}, then server start.`);
  }
  return said;
}
