/**
 * The lines that pass over the control socket, docs/control.md: one JSON object each, in both directions. Pure: text in,
 * values out. Not here: the socket (control.ts), what the commands do (commands.ts).
 *
 *     server  {"server":"0.1.0","protocol":1,"pid":4711}
 *     client  {"id":1,"command":"reload","apps":["mysite"]}
 *     server  {"id":1,"event":{…}}      any number of them
 *     server  {"id":1,"result":{…}}     or {"id":1,"error":{"code":"unknown-command","message":"…"}}
 */

export const PROTOCOL_VERSION = 1;

/** No command is longer; a status may be. */
export const REQUEST_BYTES_MAX = 64 * 1024;

export type ErrorCode =
  | "forbidden"
  | "busy"
  | "malformed"
  | "too-long"
  | "version"
  | "unknown-command"
  | "bad-argument"
  | "unavailable"
  | "failed";

/** What a command answers instead of a result; the message is for people. */
export class ControlError extends Error {
  override name = "ControlError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type RequestId = number | string | null;

export interface Request {
  readonly id: RequestId;
  readonly command: string;
  /** What stands beside `id`, `command` and `protocol`. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Throws ControlError. */
export function parseRequest(line: string): Request {
  const message = parseObject(line);
  if (message === undefined) throw new ControlError("malformed", "a line should be one JSON object");
  const { id = null, command, protocol = PROTOCOL_VERSION, ...parameters } = message;
  if (id !== null && typeof id !== "number" && typeof id !== "string")
    throw new ControlError("malformed", "id should be a number or a string");
  if (protocol !== PROTOCOL_VERSION)
    throw new ControlError("version", `this server speaks protocol ${PROTOCOL_VERSION} only`);
  if (typeof command !== "string") throw new ControlError("malformed", "command should be a string");
  return { id, command, parameters };
}

/** The id of a line that cannot be obeyed, so that the error can still be matched with it. */
export function requestId(line: string): RequestId {
  const id = parseObject(line)?.["id"];
  return typeof id === "number" || typeof id === "string" ? id : null;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Refuses what a command does not know: a misspelt parameter must not mean "all of them". */
export function checkParameters(parameters: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  for (const name of Object.keys(parameters)) {
    if (known.includes(name)) continue;
    const others = known.length === 0 ? "it takes none" : `known: ${known.join(", ")}`;
    throw new ControlError("bad-argument", `unknown parameter ${JSON.stringify(name)}; ${others}`);
  }
}

/** A list of names; undefined when it is not given. */
export function namesParameter(value: unknown, name: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const isNames = Array.isArray(value) && value.every((each) => typeof each === "string");
  if (!isNames) throw new ControlError("bad-argument", `${name} should be a list of names`);
  return value;
}

/** False when it is not given. */
export function flagParameter(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw new ControlError("bad-argument", `${name} should be true or false`);
}

export function formatGreeting(server: string, pid: number): string {
  return line({ server, protocol: PROTOCOL_VERSION, pid });
}

export function formatEvent(id: RequestId, event: object): string {
  return line({ id, event });
}

export function formatResult(id: RequestId, result: object): string {
  return line({ id, result });
}

export function formatError(id: RequestId, { code, message }: ControlError): string {
  return line({ id, error: { code, message } });
}

/** JSON has no undefined: a key that has no value is null, so that it is always there. */
function line(value: object): string {
  return `${JSON.stringify(value, (_, each: unknown) => (each === undefined ? null : each))}\n`;
}
