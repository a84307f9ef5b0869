/**
 * `include` as ngx_conf_include does it: the file, or all that a pattern fits, in order of their names, put in where the
 * directive stands; relative to the folder of the main configuration, not to that of the including file.
 * Files that every nginx brings along are known, and need not be on this machine.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, relative, resolve } from "node:path";
import type { ImportReport } from "../report.ts";
import { SourceFile } from "../source.ts";
import { type Directive, parseFile, textOf } from "./parser.ts";

/** nginx has no bound, and ends when it is out of descriptors. */
const DEPTH_MAX = 16;

/** Debian's, whose lines count where the file is not there: without them the Host would be another. */
const PROXY_PARAMS = `proxy_set_header Host $http_host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;`;

/** Come with nginx's packages or Certbot; what they say is known without reading them. */
export const FAMILIAR_FILES: Readonly<Record<string, string>> = {
  "mime.types": "the usual types by extension are built in",
  uwsgi_params: "apps and uwsgi upstreams get exactly these variables",
  proxy_params: "upstreams get Host, X-Real-IP, X-Forwarded-For and X-Forwarded-Proto in any case",
  fastcgi_params: "FastCGI is not spoken here",
  "fastcgi.conf": "FastCGI is not spoken here",
  "fastcgi-php.conf": "FastCGI is not spoken here",
  scgi_params: "SCGI is not spoken here",
  "options-ssl-nginx.conf": "Certbot's advice on TLS, of which what is here by default takes the place",
};

export interface Inclusion {
  /** Of the main file. */
  readonly prefix: string;
  readonly report: ImportReport;
  /** Absolute paths of all that was read. */
  readonly included: Set<string>;
}

/** The directives with their includes put in; those of familiar files that are not there stay as they are. */
export function resolveIncludes(directives: readonly Directive[], inclusion: Inclusion, depth = 0): Directive[] {
  return directives.flatMap((directive) => {
    if (directive.name === "include" && directive.block === undefined) return included(directive, inclusion, depth);
    if (directive.block === undefined) return [directive];
    return [{ ...directive, block: resolveIncludes(directive.block, inclusion, depth) }];
  });
}

function included(directive: Directive, inclusion: Inclusion, depth: number): Directive[] {
  const { report, prefix } = inclusion;
  const written = directive.args[0]?.text ?? "";
  const text = textOf(directive);
  if (depth >= DEPTH_MAX) {
    report.error(directive.origin, text, `is ${DEPTH_MAX} includes deep; do the files include each other?`);
    return [];
  }
  const pattern = resolve(prefix, written);
  const paths = /[*?[]/.test(written) ? expand(pattern) : [pattern];
  if (paths.length === 0) {
    report.noEffectThere(directive.origin, text, "no file fits the pattern");
    return [];
  }
  const files = paths.map((path) => readSource(path, prefix));
  if (files.length === 1 && files[0] === undefined) return missing(directive, inclusion);
  if (FAMILIAR_FILES[basename(written)] === undefined) {
    report.translated(directive.origin, text, `read: ${files.map((file) => file?.name ?? "?").join(", ")}`);
  }
  return files.flatMap((file) => {
    if (file === undefined) return [];
    inclusion.included.add(file.path);
    return resolveIncludes(parseFile(file, report), inclusion, depth + 1);
  });
}

function missing(directive: Directive, { report }: Inclusion): Directive[] {
  const written = directive.args[0]?.text ?? "";
  const familiar = FAMILIAR_FILES[basename(written)];
  if (familiar === undefined) {
    const remedy = "give it the file, or take the line out; nginx does not start without it";
    report.error(directive.origin, textOf(directive), `${written} cannot be read here: ${remedy}`);
    return [];
  }
  report.defaultHere(directive.origin, textOf(directive), familiar);
  return basename(written) === "proxy_params" ? [directive, ...implied(directive, report)] : [directive];
}

function implied({ origin }: Directive, report: ImportReport): Directive[] {
  const lines = parseFile(new SourceFile("proxy_params", "proxy_params", PROXY_PARAMS), report);
  return lines.map((line) => ({ ...line, origin, implied: true }));
}

export function readSource(path: string, folder: string): SourceFile | undefined {
  try {
    if (!statSync(path).isFile()) return undefined;
    const inside = relative(folder, path);
    return new SourceFile(inside.startsWith("..") ? path : inside, path, readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** glob(3) without braces: `*`, `?` and `[…]` in every part of the path; names that begin with a dot only when it says so. */
function expand(pattern: string): string[] {
  let found = ["/"];
  for (const part of pattern.split("/").filter((each) => each !== "")) {
    found = found.flatMap((folder) => (/[*?[]/.test(part) ? matching(folder, part) : [resolve(folder, part)]));
  }
  return found.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

function matching(folder: string, part: string): string[] {
  const source = part
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const regex = new RegExp(`^${source.replaceAll("[!", "[^")}$`, "s");
  return namesIn(folder)
    .filter((name) => regex.test(name) && (part.startsWith(".") || !name.startsWith(".")))
    .sort()
    .map((name) => resolve(folder, name));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
