/**
 * From the bytes of a whole request head to a RequestHead in which nothing is ambiguous, or to the first mistake in it.
 * Pure: what it parses into between two calls is scratch. Specification: RFC 9112 sections 2 to 6, RFC 9110 section 7.
 */
import { Fields } from "../http/fields.ts";
import type { RequestHead } from "../http/message.ts";
import { type Authority, type ParsedTarget, parseHost, parseTarget } from "../http/target.ts";
import { isPersistent, namesUpgrade } from "./connection-options.ts";
import { HeadFailure } from "./failure.ts";
import { FieldNotes, type FieldRules, parseFieldLines } from "./field-lines.ts";
import { requestBodyLength } from "./framing.ts";
import { REQUEST_SINGLETONS } from "./known-fields.ts";
import { type HeadLimits, METHOD_BYTES_MAX, REQUEST_LINE_REST_BYTES } from "./limits.ts";
import { parseRequestLine, RequestLine } from "./request-line.ts";
import type { SectionMemo } from "./section-memo.ts";

/** Parsing is synchronous and leaves nothing in these that lives on. */
const line = new RequestLine();
const notes = new FieldNotes();

/** A request line of more bytes has a method or a target that is too long. */
export function requestLineBytesMax(limits: HeadLimits): number {
  return METHOD_BYTES_MAX + limits.targetBytesMax + REQUEST_LINE_REST_BYTES;
}

/** The rules for field lines of a request. Made once per connection's limits. */
export function requestFieldRules(limits: HeadLimits): FieldRules {
  return { fieldsMax: limits.fieldsMax, singletons: REQUEST_SINGLETONS, forbidden: 0 };
}

/** Is the request line, the first complete line at `start`, already wrong? */
export function requestLineFailure(bytes: Buffer, start: number, limits: HeadLimits): HeadFailure | undefined {
  const failure = parseRequestLine(bytes, start, limits.targetBytesMax, line);
  if (failure !== undefined) return failure;
  const target = parseTargetOf(methodOf(bytes, start), targetOf(bytes), limits);
  return target instanceof HeadFailure ? target : undefined;
}

/** `bytes[start, end)` are request line and field lines, without the empty line; or the part up to a byte that cannot be
 *  right. */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  rules: FieldRules,
  memo?: SectionMemo,
): RequestHead | HeadFailure {
  const lineFailure = parseRequestLine(bytes, start, limits.targetBytesMax, line);
  if (lineFailure !== undefined) return lineFailure;
  const known = memo?.find(bytes, line.end, end);
  const method = methodOf(bytes, start);
  const raw = targetOf(bytes);
  const target = parseTargetOf(method, raw, limits);
  if (target instanceof HeadFailure) return target;
  if (known !== undefined) return makeHead(method, raw, target, known.fields, known.notes);
  const fields = new Fields();
  notes.reset();
  const text = bytes.latin1Slice(start, end);
  const failure = parseFieldLines(bytes, line.end, end, text, start, rules, fields, notes);
  if (failure !== undefined) return failure;
  memo?.keep(bytes, line.end, end, fields, notes);
  return makeHead(method, raw, target, fields, notes);
}

function parseTargetOf(method: string, raw: string, limits: HeadLimits): ParsedTarget | HeadFailure {
  const target = parseTarget(method, raw, limits.mergeSlashes);
  return typeof target === "string" ? new HeadFailure(target) : target;
}

/** Of nearly all requests the same string, and not one of each. */
function methodOf(bytes: Buffer, start: number): string {
  const isGet = line.methodEnd - start === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45;
  return isGet && bytes[start + 2] === 0x54 ? "GET" : bytes.latin1Slice(start, line.methodEnd);
}

function targetOf(bytes: Buffer): string {
  return bytes.latin1Slice(line.targetStart, line.targetEnd);
}

/** `parsed` is of whoever sends the same again. */
function makeHead(
  method: string,
  raw: string,
  target: ParsedTarget,
  parsed: Fields,
  notes: FieldNotes,
): RequestHead | HeadFailure {
  const { minor } = line;
  const { connection } = notes;
  const host = hostOf(target, notes.host);
  if (host instanceof HeadFailure) return host;
  const fields = host.replaces ? parsed.copy().set("Host", hostText(host)) : parsed;
  const bodyLength = requestBodyLength(minor, notes);
  if (typeof bodyLength !== "number") return bodyLength;
  return {
    method,
    target: raw,
    form: target.form,
    path: target.path,
    rawPath: target.rawPath,
    query: target.query,
    host: host.host,
    hostPort: host.port,
    minor,
    fields,
    bodyLength,
    persistent: isPersistent(minor, connection),
    expectsContinue: minor === 1 && bodyLength !== 0 && isContinue(notes.expect),
    upgrade: notes.upgrade !== undefined && namesUpgrade(minor, connection) ? notes.upgrade : undefined,
    repeats: false,
  };
}

const NO_HOST: Authority = { host: "", port: undefined };

/** RFC 9112 section 3.2: HTTP/1.1 has exactly one valid Host (a second one was refused when it was read). */
function hostOf({ authority }: ParsedTarget, host: string | undefined): NamedHost | HeadFailure {
  if (host === undefined && line.minor === 1) return new HeadFailure("missing_host");
  const named = host === undefined ? NO_HOST : parseHostField(host);
  if (named === undefined) return new HeadFailure("bad_host");
  if (authority === undefined) return named;
  const differs = authority.host !== named.host || authority.port !== named.port;
  return { host: authority.host, port: authority.port, replaces: differs };
}

/** `replaces`: section 3.2.2, the authority of the target replaces the Host field, for everyone who reads the field later, so that
 *  routing and application cannot be told two different hosts. */
type NamedHost = Authority & { readonly replaces?: boolean };

/** The Host that was parsed last: nearly every request names the one that the request before it named. */
let lastHost = "";
let lastAuthority: Authority | undefined = undefined;

function parseHostField(value: string): Authority | undefined {
  if (value === lastHost) return lastAuthority;
  lastAuthority = parseHost(value);
  // Not a slice, which would hold the whole head in memory.
  lastHost = Buffer.from(value, "latin1").latin1Slice();
  return lastAuthority;
}

function hostText(authority: Authority): string {
  return authority.port === undefined ? authority.host : `${authority.host}:${authority.port}`;
}

/** RFC 9110 section 10.1.1. Other expectations are for whoever answers to judge. */
function isContinue(expect: string | undefined): boolean {
  return expect !== undefined && (expect === "100-continue" || expect.toLowerCase() === "100-continue");
}
