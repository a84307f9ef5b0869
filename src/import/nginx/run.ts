/**
 * An nginx.conf for a server that is to run now, as `nginx -c` would: the text of a server.toml, what was lost, and what the
 * file and `-g` say of the process itself. Not here: running it.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Environment } from "../../config/substitute.ts";
import { findUser } from "../../config/users.ts";
import { emptyPlan, type Plan } from "../plan.ts";
import { type Finding, ImportReport } from "../report.ts";
import { SourceFile } from "../source.ts";
import { writePlan } from "../write.ts";
import { type Directive, parseFile } from "./parser.ts";
import { prefixOf, translateNginx } from "./translate.ts";

export interface NginxRun {
  readonly toml: string;
  readonly findings: readonly Finding[];
  readonly changesMeaning: boolean;
  /** All that were read, the main one first. */
  readonly files: readonly SourceFile[];
  readonly pidFile: string;
  readonly errorLog: string | undefined;
  /** Goes to the background. */
  readonly daemon: boolean;
}

export interface NginxRunOptions {
  readonly prefix: string | undefined;
  /** The directives of -g. */
  readonly global: string;
  readonly errorLog: string | undefined;
}

/** Those of Debian's package; elsewhere logs/nginx.pid and logs/access.log below the prefix. */
const PID_FILE = "/run/nginx.pid";
const ACCESS_LOG = "/var/log/nginx/access.log";

export function prepareNginx(file: SourceFile, options: NginxRunOptions, environment: Environment): NginxRun {
  const report = new ImportReport();
  const plan = emptyPlan();
  const global = new SourceFile("command line", "/", options.global);
  const inFile = parseFile(file, new ImportReport());
  const given = parseFile(global, report);
  for (const each of given) refuseTwin(each, inFile, report);
  translateNginx([file], { plan, report, environment }, { prefix: options.prefix, global: given });
  if (process.geteuid?.() === 0) withoutRoot(plan);
  const said = [...inFile, ...given];
  const last = (name: string) => said.findLast((each) => each.name === name)?.args[0]?.text;
  const pid = last("pid");
  const pidFile =
    pid === undefined ? defaultPidFile(options.prefix) : resolve(options.prefix ?? prefixOf(file.path), pid);
  plan.server.set("pid_file", pidFile);
  // It is where nginx writes until its file says where.
  if (options.errorLog !== undefined && !plan.server.has("error_log")) plan.server.set("error_log", options.errorLog);
  const accessLog = options.prefix === undefined ? ACCESS_LOG : resolve(options.prefix, "logs/access.log");
  if (!plan.server.has("access_log") && existsSync(dirname(accessLog))) plan.server.set("access_log", accessLog);
  const log = plan.server.get("error_log");
  return {
    toml: writePlan(plan),
    findings: report.findings,
    changesMeaning: report.changesMeaning,
    files: [...new Set([file, ...report.findings.map(({ origin }) => origin.file)])].filter((each) => each !== global),
    pidFile,
    errorLog: typeof log === "string" && log.startsWith("/") ? log : undefined,
    daemon: last("daemon") !== "off",
  };
}

/** What may stand once, in nginx's words. */
const SINGLE = new Set(["pid", "user", "daemon", "worker_processes", "master_process", "worker_rlimit_nofile"]);

function refuseTwin({ name }: Directive, inFile: readonly Directive[], report: ImportReport): void {
  const twin = SINGLE.has(name) ? inFile.find((each) => each.name === name) : undefined;
  if (twin !== undefined) report.error(twin.origin, name, "is duplicate: -g says it, too");
}

/** nginx's workers are nobody unless the file names a user. */
function withoutRoot(plan: Plan): void {
  if (plan.server.has("user") || plan.server.has("run_as_root") || findUser("nobody") === undefined) return;
  plan.server.set("user", "nobody");
}

function defaultPidFile(prefix: string | undefined): string {
  return prefix === undefined ? PID_FILE : resolve(prefix, "logs/nginx.pid");
}
