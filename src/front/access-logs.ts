/**
 * The access logs of a configuration, in a front: which site writes to which. The buffers outlive it, so that lines of one
 * log keep their order when the next configuration writes to the same.
 */
import { isatty } from "node:tty";
import type { Log } from "../base/log.ts";
import type { Config, RouteConfig, SiteConfig } from "../config/config.ts";
import type { AccessLogConfig } from "../config/log-config.ts";
import type { Account } from "../exchange/exchange.ts";
import { NAMED_LOG_FORMATS } from "../exchange/log-formats.ts";
import { Masking, maskedScope } from "../exchange/masking.ts";
import type { Scope } from "../exchange/scope.ts";
import { siteScope } from "../exchange/site-scope.ts";
import { AccessLog, makeCombinedLine } from "./access-log.ts";
import { LogBuffer } from "./log-buffer.ts";
import { type LogLine, makeLogLine } from "./log-format.ts";
import type { Setup } from "./messages.ts";
import { makeScope, makeTemplate } from "./templates.ts";
import { makeTerminalLine } from "./terminal-line.ts";

/** One for each log and front thread, by its path. */
export class LogBuffers {
  private readonly buffers = new Map<string, LogBuffer>();
  private readonly log: Log;

  constructor(log: Log) {
    this.log = log;
  }

  /** `fd`: stays the same for a path, see os/log-file.ts. */
  of(path: string, fd: number): LogBuffer {
    const known = this.buffers.get(path);
    if (known !== undefined) return known;
    const made = new LogBuffer(fd, {
      losing: (why) => this.log.error(`access log ${path}: lines are lost: ${why}`),
      recovered: (lost, why) =>
        this.log.error(
          `access log ${path}: ${lost} ${lost === 1 ? "line was" : "lines were"} lost (${why}); it is written again`,
        ),
    });
    this.buffers.set(path, made);
    return made;
  }

  get lost(): number {
    let lost = 0;
    for (const buffer of this.buffers.values()) lost += buffer.lost;
    return lost;
  }

  flush(): void {
    for (const buffer of this.buffers.values()) buffer.flush();
  }
}

const NO_LOG: Account = { finished: () => {} };

export class AccessLogs {
  private readonly sites = new Map<SiteConfig, Account>();
  private readonly descriptors: Setup["accessLogs"];
  private readonly buffers: LogBuffers;
  private readonly masking: Masking;
  private readonly scope: Scope;
  /** Of what belongs to no site. */
  readonly server: Account;

  constructor(config: Config, descriptors: Setup["accessLogs"], buffers: LogBuffers) {
    this.descriptors = descriptors;
    this.buffers = buffers;
    this.masking = new Masking(config.server.masked);
    this.scope = makeScope(config);
    this.server = this.make(config.server.accessLog, this.scope);
  }

  /** Of the site where no route is given. */
  of(site: SiteConfig, route?: RouteConfig): Account {
    if (route?.logged === false) return NO_LOG;
    const known = this.sites.get(site) ?? this.make(site.accessLog, siteScope(site.names, this.scope));
    this.sites.set(site, known);
    return known;
  }

  private make(config: AccessLogConfig, scope: Scope): Account {
    if (config.path === "off") return NO_LOG;
    const fd = this.descriptors[config.path];
    if (fd === undefined) throw new Error(`access log ${config.path} was not opened`);
    const line = config.format === "short" && isatty(fd) ? this.watched() : this.lineOf(config, scope);
    return new AccessLog(this.buffers.of(config.path, fd), line, config);
  }

  /** no-color.org */
  private watched(): LogLine {
    const { NO_COLOR = "", TERM } = process.env;
    return makeTerminalLine(this.masking, NO_COLOR === "" && TERM !== "dumb");
  }

  private lineOf({ format, escape }: AccessLogConfig, scope: Scope): LogLine {
    if (format === "combined") return makeCombinedLine(this.masking);
    const named = NAMED_LOG_FORMATS[format] ?? { template: format, escape };
    return makeLogLine(makeTemplate(named.template, maskedScope(scope, this.masking), "log"), named.escape);
  }
}
