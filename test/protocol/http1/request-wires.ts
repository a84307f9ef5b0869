/** What the request cases are written with. Traces are explained in test/support/http1.ts. */
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "../../../src/protocol/http1/limits.ts";

export interface AcceptedCase {
  readonly name: string;
  readonly wire: string;
  readonly trace: readonly string[];
}

export interface RefusedCase {
  readonly name: string;
  readonly wire: string;
  /** `400 te_and_cl` */
  readonly failure: string;
  /** What is told before it. */
  readonly before?: readonly string[];
  readonly limits?: HeadLimits;
}

/** A request with these field lines after a Host. */
export const get = (fields = "", start = "GET / HTTP/1.1") => `${start}\r\nHost: a\r\n${fields}\r\n`;
export const post = (fields: string, body: string) => get(fields, "POST / HTTP/1.1") + body;
export const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);

export const GET_A = "head GET / host=a length=0 keep";
export const CHUNKED_A = "head POST / host=a length=chunked keep";

export const accepted = (name: string, wire: string, ...trace: string[]): AcceptedCase => ({ name, wire, trace });

export const refused = (name: string, wire: string, failure: string, ...before: string[]): RefusedCase => ({
  name,
  wire,
  failure,
  before,
});
export const startLine = (line: string) => `${line}\r\nHost: a\r\n\r\n`;
export const hosted = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
export const limited = (name: string, wire: string, failure: string, limits: Partial<HeadLimits>): RefusedCase => ({
  name,
  wire,
  failure,
  limits: { ...DEFAULT_HEAD_LIMITS, ...limits },
});
