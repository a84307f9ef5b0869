/**
 * Cache-Control of a file, from its name (RFC 9111 section 5.2; nginx: expires, add_header). Worked out once for each state
 * of a file, not for each request.
 *
 *   a rule        `*.html` against the file's name, `css/*` against its path below the directory (`**` crosses slashes);
 *                 of those that fit the one with the most plain characters counts, of equal ones the first
 *   hashed names  those of Django's ManifestStaticFilesStorage never change: a year and `immutable`, where nothing is
 *                 written or only for how long files may be kept (as WhiteNoise has it). What is written as directives
 *                 (`no-store`, `public, max-age=60`) stands.
 *   the rest      what is written without a pattern, else `no-cache`: kept, but asked about each time. Nothing at all would let
 *                 browsers guess a tenth of the file's age (RFC 9111 section 4.2.2), and show old pages after a deployment.
 */
import type { StaticManifest } from "./static-manifest.ts";

/** A year, which RFC 9111 and everybody take for ever. */
export const IMMUTABLE = "public, max-age=31536000, immutable";

/** What files get about which nothing is written. */
export const DEFAULT_CACHE_CONTROL = "no-cache";

export interface CacheRule {
  /** `*.html`, `css/*`, `*` */
  readonly pattern: string;
  /** The field; undefined: none is sent. */
  readonly value: string | undefined;
  /** Is only a time written, so that hashed names may be kept longer? */
  readonly isAge: boolean;
}

export const DEFAULT_CACHE_RULES: readonly CacheRule[] = [{ pattern: "*", value: DEFAULT_CACHE_CONTROL, isAge: true }];

interface PreparedRule {
  readonly regex: RegExp;
  readonly wholePath: boolean;
  /** Does it fit every name, so that none need be looked at? */
  readonly fitsAll: boolean;
  readonly rule: CacheRule;
}

export class CachePolicy {
  private readonly rules: readonly PreparedRule[];
  private readonly manifest: StaticManifest | undefined;

  /** `manifest`: of the directory; undefined where hashed names mean nothing, as for a single file. */
  constructor(rules: readonly CacheRule[], manifest: StaticManifest | undefined) {
    this.rules = rules
      .map((rule) => ({
        regex: globRegex(rule.pattern),
        wholePath: rule.pattern.includes("/"),
        fitsAll: rule.pattern === "*",
        rule,
      }))
      .toSorted((a, b) => weight(b.rule.pattern) - weight(a.rule.pattern));
    this.manifest = manifest;
  }

  /** `path` is that of the file below its directory, beginning with `/`; bytes as latin-1. */
  of(path: string): string | undefined {
    const found = this.ruleOf(path);
    return found.isAge && this.manifest?.isHashed(path) === true ? IMMUTABLE : found.value;
  }

  private ruleOf(path: string): CacheRule {
    for (const { regex, wholePath, fitsAll, rule } of this.rules) {
      if (fitsAll || regex.test(wholePath ? path : path.slice(path.lastIndexOf("/") + 1))) return rule;
    }
    return REST;
  }
}

const REST: CacheRule = { pattern: "*", value: DEFAULT_CACHE_CONTROL, isAge: true };

function weight(pattern: string): number {
  return pattern.replaceAll("*", "").length;
}

/** Patterns are UTF-8, names bytes. A path may be written with or without its first slash. */
function globRegex(pattern: string): RegExp {
  const text = Buffer.from(pattern, "utf8").latin1Slice();
  const escaped = text
    .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
    .replace(/\*\*|\*/g, (star) => (star === "*" ? "[^/]*" : ".*"));
  return new RegExp(`^${text.includes("/") && !text.startsWith("/") ? "/" : ""}${escaped}$`, "s");
}
