/** The options that the commands without a file have in common. Their values are judged where a file's would be. */
import type { Given, Option } from "./command.ts";

export const PRINT_OPTION: Option = {
  type: "boolean",
  short: "p",
  value: "",
  doc: "Prints the server.toml that says the same, and serves nothing.",
};

export const LISTEN_OPTION: Option = {
  type: "string",
  short: "l",
  value: "ADDRESS",
  multiple: true,
  doc: "Where it listens: 8000 (every address of the machine), 127.0.0.1:8000, unix:/path; several times. 127.0.0.1:8000 unless given.",
};

export const DOMAIN_OPTION: Option = {
  type: "string",
  short: "d",
  value: "NAME",
  multiple: true,
  doc: "The name that it is served under by HTTPS, with a certificate that orders itself, on ports 80 and 443; several times.",
};

export const USER_OPTION: Option = {
  type: "string",
  short: "u",
  value: "USER",
  doc: "As whom it runs that is started as root, behind opening its ports.",
};

/** `/static/=static` → pattern and path; a string is what is wrong. */
export function readMapping(written: string): readonly [path: string, to: string] | string {
  const equals = written.indexOf("=");
  const [path, to] = [written.slice(0, equals), written.slice(equals + 1)];
  if (equals === -1 || !path.startsWith("/") || to === "")
    return `${JSON.stringify(written)} should be PATH=WHERE, such as /static/=static`;
  return [path, to];
}

/** A file is served at exactly this path, a directory and everything else below it. */
export function patternOf(path: string, isFile: boolean): string {
  if (isFile) return `= ${path}`;
  return path.endsWith("/") ? path : `${path}/`;
}

export function listOf(given: Given, name: string): readonly string[] {
  return given.lists[name] ?? [];
}

export function textOf(given: Given, name: string): string | undefined {
  const value = given.options[name];
  return typeof value === "string" ? value : undefined;
}
