/** What is said of the directives of a unit that say nothing of the application: systemd.unit(5), systemd.service(5), exec(5). */
import type { ImportReport } from "../report.ts";
import { type Directive, joined, showDirective } from "./unit.ts";

const OWN_UNIT = "server service install writes a unit of its own";
const EDIT = "add it to the unit that server service install writes: systemctl edit";

const NOT_NEEDED =
  /^(?:Description|Documentation|WantedBy|RequiredBy|Alias|Also|Type|NotifyAccess|Restart\w*|KillMode|KillSignal|SendSIGKILL|Timeout\w+|PIDFile|ExecReload|ExecStop|GuessMainPID|RemainAfterExit|SyslogIdentifier|StartLimit\w+|WatchdogSec|DefaultDependencies)$/;

const ORDER = /^(?:After|Before|Wants|Requires|BindsTo|PartOf|Requisite|Conflicts|Upholds|Sockets)$/;

/** What every machine has, and the socket that the import reads. */
const USUAL_UNITS = /^(?:network(?:-online)?\.target|syslog\.target|multi-user\.target|nginx\.service|\S+\.socket)$/;

/** What the unit of ours has as well (cli/unit.ts). */
const CONFINED =
  /^(?:PrivateTmp|PrivateDevices|ProtectSystem|ProtectHome|NoNewPrivileges|CapabilityBoundingSet|AmbientCapabilities|ReadWritePaths|ReadWriteDirectories)$/;

const MEANT: Readonly<Record<string, string>> = {
  EnvironmentFile:
    "server.toml keeps no secrets: server service install --env-file FILE hands it to the server, whose variables the app has",
  PassEnvironment: "the app has the variables that the server is started with; give them to its unit",
  UnsetEnvironment: "the app has the variables that the server is started with",
  ExecStartPost: "is not done; make it a [service.NAME]",
  ExecStopPost: "is not done",
  ExecCondition: "is not asked",
  DynamicUser: "name a user",
  RootDirectory: "the server is not put into another root; run it in a container",
  RootImage: "the server is not put into another root; run it in a container",
  SupplementaryGroups: "the app has its user's groups: add the user to them (usermod -aG)",
  StateDirectory: "make the folder, and give it to the user of the app",
  CacheDirectory: "make the folder, and give it to the user of the app",
  LogsDirectory: "make the folder, and give it to the user of the app",
};

const SECTIONS = ["Unit", "Service", "Install"];

export function remarkOnDirective(directive: Directive, report: ImportReport): void {
  const { section, key, raw, origin } = directive;
  const shown = showDirective(directive);
  const value = joined(raw);
  const meant = MEANT[key];
  if (!SECTIONS.includes(section)) {
    const where = section === "" ? "stands before the first section" : `[${section}] is no section of a service`;
    report.noEffectThere(origin, shown, `${where}; systemd takes no notice`);
  } else if (NOT_NEEDED.test(key)) report.notNeeded(origin, shown, OWN_UNIT);
  else if (ORDER.test(key)) {
    if (value.split(/\s+/).every((name) => USUAL_UNITS.test(name))) report.notNeeded(origin, shown, OWN_UNIT);
    else report.notSupported(origin, shown, EDIT, "harmless");
  } else if (CONFINED.test(key)) report.defaultHere(origin, shown, "the unit of server service install is confined");
  else if (/^Standard(?:Output|Error)$/.test(key)) {
    if (/^(?:journal|syslog|inherit)/.test(value)) report.defaultHere(origin, shown, "logs go to the journal");
    else report.notSupported(origin, shown, "say access_log and error_log, which may be files", "harmless");
  } else if (meant !== undefined) report.notSupported(origin, shown, meant, "changes-meaning");
  else report.notSupported(origin, shown, EDIT, "harmless");
}
