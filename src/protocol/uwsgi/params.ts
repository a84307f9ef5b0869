/**
 * From the variables of a uwsgi packet to a request head and the facts of its client. The gateway has parsed the
 * request and is trusted to say who sent it; the values are checked all the same, since most of them are a client's.
 * Specification: RFC 3875 (CGI) and nginx's uwsgi_params.
 */
import { upperFirst } from "../../base/words.ts";
import { type FieldName, Fields, fieldName } from "../http/fields.ts";
import { HOP_BY_HOP, type RequestHead } from "../http/message.ts";
import { parseHost } from "../http/target.ts";

export interface GatewayRequest {
  readonly head: RequestHead;
  /** SERVER_PROTOCOL, for logs and the app. */
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure: boolean;
}

export interface ParamsProblem {
  /** Stable, for tests and logs: `method`, `path`, `content_length`, `protocol`, `host`, `field`. */
  readonly code: string;
  readonly message: string;
}

type Variables = ReadonlyMap<string, string>;

/** Longest CONTENT_LENGTH taken: 10^15 - 1 is exact as a JavaScript number. */
const CONTENT_LENGTH_DIGITS_MAX = 15;

// eslint-disable-next-line no-control-regex
const BROKEN_PATH = /^[^/*]|\x00/;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PROTOCOL = /^HTTP\/\d(\.\d)?$/;
// A request target and a field value hold no controls (RFC 9112 section 3.2, RFC 9110 section 5.5).
// eslint-disable-next-line no-control-regex
const NOT_TARGET = /[\x00-\x20\x7f]/;
// eslint-disable-next-line no-control-regex
const NOT_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;

export function requestFromVariables(variables: Variables): GatewayRequest | ParamsProblem {
  const of = (name: string) => variables.get(name) ?? "";
  const protocol = of("SERVER_PROTOCOL") || "HTTP/1.0";
  if (!PROTOCOL.test(protocol)) return problem("protocol", "SERVER_PROTOCOL", protocol, "HTTP/1.1 or the like");
  const length = of("CONTENT_LENGTH") || "0";
  if (!isContentLength(length)) return problem("content_length", "CONTENT_LENGTH", length, "digits");
  const coding = of("HTTP_TRANSFER_ENCODING");
  if (coding !== "" && of("CONTENT_LENGTH") === "") {
    return problem("content_length", "HTTP_TRANSFER_ENCODING", coding, "decoded by the gateway, with a CONTENT_LENGTH");
  }
  const fields = fieldsFromVariables(variables);
  if (typeof fields === "string") return problem("field", fields, of(fields), "text without control characters");
  const head = headFromVariables(of, fields, Number(length));
  if ("code" in head) return head;
  return {
    head,
    protocol,
    remoteAddress: of("REMOTE_ADDR"),
    remotePort: portNumber(of("REMOTE_PORT")),
    localAddress: of("SERVER_ADDR"),
    localPort: portNumber(of("SERVER_PORT")),
    secure: isSecure(of),
  };
}

/** `minor` is 0 and nothing persists: what ends this reply is the end of the connection, as with HTTP/1.0. */
function headFromVariables(
  of: (name: string) => string,
  fields: Fields,
  bodyLength: number,
): RequestHead | ParamsProblem {
  const method = of("REQUEST_METHOD");
  if (!TOKEN.test(method)) return problem("method", "REQUEST_METHOD", method, "a method such as GET");
  const path = of("PATH_INFO");
  if (path === "" && of("SCRIPT_NAME") === "") return problem("path", "PATH_INFO", path, "the path of the request");
  if (BROKEN_PATH.test(path)) return problem("path", "PATH_INFO", path, "empty, or a path from / without NUL");
  const mount = of("SCRIPT_NAME");
  if (BROKEN_PATH.test(mount)) return problem("path", "SCRIPT_NAME", mount, "empty, or a path from / without NUL");
  const target = of("REQUEST_URI") || targetFromPath(of);
  if (NOT_TARGET.test(target)) return problem("path", "REQUEST_URI", target, "a target without controls and spaces");
  const host = parseHost(of("HTTP_HOST") || of("SERVER_NAME"));
  if (host === undefined && of("HTTP_HOST") !== "") return problem("host", "HTTP_HOST", of("HTTP_HOST"), "a host");
  const mark = target.indexOf("?");
  return {
    method,
    target,
    form: target === "*" ? "asterisk" : "origin",
    path: `${of("SCRIPT_NAME")}${path}`,
    rawPath: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? undefined : target.slice(mark + 1),
    host: host?.host ?? "",
    hostPort: host?.port,
    minor: 0,
    fields,
    bodyLength,
    persistent: false,
    expectsContinue: false,
    upgrade: undefined,
  };
}

function targetFromPath(of: (name: string) => string): string {
  const path = encodeBytes(of("SCRIPT_NAME") + of("PATH_INFO"));
  const query = of("QUERY_STRING");
  return query === "" ? path : `${path}?${query}`;
}

/** Percent-encodes what a path may not hold; one character is one byte. */
function encodeBytes(path: string): string {
  return path.replace(/[^!$&'()*+,\-./0-9:;=@A-Z_a-z~]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

/** The fields, or the name of the variable that holds what a field may not. Content-* come from the variables without
 *  prefix, which the gateway has decided; hop-by-hop fields ended at the gateway (HTTP_TRANSFER_ENCODING too: the body
 *  that follows the packet is not chunked). */
function fieldsFromVariables(variables: Variables): Fields | string {
  const fields = new Fields();
  for (const [name, value] of variables) {
    const field = fieldOfVariable(name);
    if (field === undefined || value === "") continue;
    if (NOT_VALUE.test(value)) return name;
    fields.add(field, value);
  }
  return fields;
}

/** Variable names are unbounded, the table of those met is not; real gateways send a few hundred. */
const KNOWN_MAX = 2048;
const known = new Map<string, FieldName | undefined>([
  ["CONTENT_TYPE", fieldName("Content-Type")],
  ["CONTENT_LENGTH", fieldName("Content-Length")],
  ["HTTP_CONTENT_TYPE", undefined],
  ["HTTP_CONTENT_LENGTH", undefined],
]);

/** `HTTP_X_REAL_IP` is `X-Real-Ip`; undefined for a variable that is no request field. */
function fieldOfVariable(variable: string): FieldName | undefined {
  const found = known.get(variable);
  if (found !== undefined || known.has(variable)) return found;
  const field = makeField(variable);
  if (known.size < KNOWN_MAX) known.set(variable, field);
  return field;
}

function makeField(variable: string): FieldName | undefined {
  if (!variable.startsWith("HTTP_")) return undefined;
  const words = variable.slice("HTTP_".length).toLowerCase().split("_");
  const text = words.map(upperFirst).join("-");
  if (!TOKEN.test(text) || HOP_BY_HOP.has(text.toLowerCase())) return undefined;
  return fieldName(text);
}

function isContentLength(text: string): boolean {
  return /^[0-9]+$/.test(text) && text.length <= CONTENT_LENGTH_DIGITS_MAX;
}

function isSecure(of: (name: string) => string): boolean {
  const https = of("HTTPS").toLowerCase();
  return https === "on" || https === "1" || of("REQUEST_SCHEME") === "https" || of("UWSGI_SCHEME") === "https";
}

function portNumber(text: string): number {
  return /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
}

function problem(code: string, variable: string, value: string, wanted: string): ParamsProblem {
  const seen = value === "" ? "is missing" : `is "${value}"`;
  return { code, message: `the uwsgi variable ${variable} ${seen}, it should be ${wanted}` };
}
