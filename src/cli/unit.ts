/**
 * The text of a systemd unit for a server (systemd.service(5), systemd.exec(5)): facts in, text out. Where the facts come
 * from is unit-facts.ts, what is done with the text unit-install.ts.
 *
 * The server is never root under it: systemd starts it as `user`, with the few capabilities that its configuration needs, in
 * a view of the machine where everything but what it writes is read-only. MemoryDenyWriteExecute= is not possible, since the
 * runtime compiles JavaScript to machine code.
 */

export interface UnitFacts {
  /** Of the unit, without `.service`; also of its directories below /run and /var/lib. */
  readonly name: string;
  /** The executable and the configuration, absolute. */
  readonly binary: string;
  readonly config: string;
  readonly user: string;
  /** Undefined: the user's own. */
  readonly group: string | undefined;
  /** Directories that are written to beside the unit's own, absolute. Those that are not there are left alone. */
  readonly writable: readonly string[];
  /** Names as `CAP_NET_BIND_SERVICE`. */
  readonly capabilities: readonly string[];
  /** Something of it lies in /home or /root; in /tmp or /var/tmp. */
  readonly usesHome: boolean;
  readonly usesTemporary: boolean;
  /** Others are to reach sockets in /run/NAME. */
  readonly opensRuntimeDirectory: boolean;
  /** Processes run as several users. */
  readonly hasUsers: boolean;
  /** A file of NAME=VALUE lines. */
  readonly environmentFile: string | undefined;
  readonly startTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly descriptors: number;
  /** Of the machine that it is for; undefined: unknown. */
  readonly systemdVersion: number | undefined;
}

/** In the first line, so that nothing is overwritten or removed that somebody else has written. */
export const UNIT_MARK = "# Written by `server service install`";

/** From which on `systemctl reload` waits for the reload. */
const NOTIFY_RELOAD_SINCE = 253;
/** Beside drain_timeout: for workers and services to end. */
const STOP_MARGIN_S = 60;
/** Beside the imports of the apps. systemd's own default is 90 s. */
const START_MARGIN_S = 30;
const START_S_MIN = 90;

export function unitText(facts: UnitFacts): string {
  const { name, config } = facts;
  return `${UNIT_MARK}, which may write it anew: changes belong into \`systemctl edit ${name}\`.
[Unit]
Description=server of ${specifier(config)}
Documentation=man:systemd.exec(5)
Wants=network-online.target
After=network-online.target
# Not needed, but if they are there, they come first.
After=nss-lookup.target postgresql.service mariadb.service mysql.service redis-server.service

[Service]
${section(serviceLines(facts))}
# What the kernel does not let it do.
${section(confinement(facts))}
[Install]
WantedBy=multi-user.target
`;
}

type Line = readonly [key: string, value: string];

function serviceLines(facts: UnitFacts): Line[] {
  const { name, binary, config, user, group, systemdVersion, environmentFile } = facts;
  const waits = systemdVersion !== undefined && systemdVersion >= NOTIFY_RELOAD_SINCE;
  return [
    ["Type", waits ? "notify-reload" : "notify"],
    ["ExecStart", `${word(binary)} run -c ${argument(config)}`],
    ...only(!waits, "ExecReload", "/bin/kill -HUP $MAINPID"),
    ["Restart", "on-failure"],
    ["RestartSec", "1s"],
    ["WatchdogSec", "30s"],
    ["TimeoutStartSec", `${Math.max(START_S_MIN, seconds(facts.startTimeoutMs) + START_MARGIN_S)}s`],
    ["TimeoutStopSec", `${seconds(facts.drainTimeoutMs) + STOP_MARGIN_S}s`],
    // The server ends its workers itself, when they have answered.
    ["KillMode", "mixed"],
    // It replaces a worker that the kernel has killed for want of memory.
    ["OOMPolicy", "continue"],
    ["User", user],
    ...(group === undefined ? [] : [["Group", group] as const]),
    ["UMask", "0027"],
    ...(environmentFile === undefined ? [] : [["EnvironmentFile", specifier(environmentFile)] as const]),
    ["RuntimeDirectory", name],
    ["RuntimeDirectoryMode", facts.opensRuntimeDirectory ? "0755" : "0700"],
    ["StateDirectory", name],
    ["StateDirectoryMode", "0700"],
    ["LimitNOFILE", String(facts.descriptors)],
  ];
}

function confinement(facts: UnitFacts): Line[] {
  const capabilities = facts.capabilities.join(" ");
  return [
    ["AmbientCapabilities", capabilities],
    ["CapabilityBoundingSet", capabilities],
    ["NoNewPrivileges", "yes"],
    ["ProtectSystem", "strict"],
    ...facts.writable.map((directory) => ["ReadWritePaths", word(`-${directory}`)] as const),
    ["ProtectHome", facts.usesHome ? "read-only" : "yes"],
    // With a private one, what lies there now would not be seen.
    ["PrivateTmp", facts.usesTemporary ? "no" : "yes"],
    ...only(facts.usesTemporary, "ReadWritePaths", "/tmp /var/tmp"),
    ["PrivateDevices", "yes"],
    ["ProtectClock", "yes"],
    ["ProtectControlGroups", "yes"],
    ["ProtectHostname", "yes"],
    ["ProtectKernelLogs", "yes"],
    ["ProtectKernelModules", "yes"],
    ["ProtectKernelTunables", "yes"],
    // Hides the processes of other users, which workers of other users are.
    ...only(!facts.hasUsers, "ProtectProc", "invisible"),
    ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"],
    ["RestrictNamespaces", "yes"],
    ["RestrictRealtime", "yes"],
    ["RestrictSUIDSGID", "yes"],
    ["LockPersonality", "yes"],
    ["SystemCallArchitectures", "native"],
    ["SystemCallFilter", "@system-service"],
    ["SystemCallErrorNumber", "EPERM"],
  ];
}

function only(applies: boolean, key: string, value: string): Line[] {
  return applies ? [[key, value]] : [];
}

function section(lines: readonly Line[]): string {
  return lines.map(([key, value]) => `${key}=${value}\n`).join("");
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** systemd.unit(5): `%` begins a specifier everywhere. */
function specifier(text: string): string {
  return text.replaceAll("%", "%%");
}

/** Of a command: `$` begins a variable, but not in the name of the program. */
function argument(text: string): string {
  return word(text.replaceAll("$", () => "$$"));
}

/** One word of a line of words, in quotes where it has to be. */
function word(text: string): string {
  const escaped = specifier(text);
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, String.raw`\$&`)}"`;
}

/** What a unit may be called (systemd.unit(5)); undefined: nothing of it is left. */
export function unitName(written: string): string | undefined {
  const name = written.replace(/\.service$/, "").replace(/[^A-Za-z0-9:_.-]+/g, "-");
  const trimmed = name.replace(/^[-.]+|[-.]+$/g, "");
  return trimmed === "" ? undefined : trimmed.slice(0, NAME_LENGTH_MAX);
}

const NAME_LENGTH_MAX = 200;
