/**
 * A second reading of HTTP/1 requests, to judge the first: the whole wire at once, as text, with regular expressions and no
 * limits. It says where each request ends and what its content is, as RFC 9112 section 6.3 has it, and shares no code
 * with the product. It does not say what must be refused: who accepts a request must have read it like this.
 */

export interface Reading {
  readonly method: string;
  readonly target: string;
  readonly content: string;
  /** Has all of it come? */
  readonly complete: boolean;
  /** Must it be the last one of its connection (RFC 9112 section 9.6)? */
  readonly last: boolean;
}

/** Requests up to the first that cannot be read at all, or that is not complete. */
export function readRequests(wire: string): Reading[] {
  return readAll(wire).readings;
}

/** The methods of the requests, and of the one that cannot be read, as far as that matters to who reads the replies. */
export function readMethods(wire: string): string[] {
  const { readings, rest } = readAll(wire);
  return [...readings.map(({ method }) => method), rest.startsWith("HEAD ") ? "HEAD" : "GET"];
}

function readAll(wire: string): { readonly readings: Reading[]; readonly rest: string } {
  const readings: Reading[] = [];
  let rest = wire;
  for (;;) {
    rest = rest.replace(/^(\r\n){1,2}/, "");
    const reading = readRequest(rest);
    if (reading === undefined) return { readings, rest };
    readings.push(reading.request);
    rest = rest.slice(reading.length);
    if (!reading.request.complete || reading.request.last) return { readings, rest: "" };
  }
}

interface Measured {
  readonly request: Reading;
  readonly length: number;
}

function readRequest(wire: string): Measured | undefined {
  const head = /^([^ \t\r\n]+) ([^ \t\r\n]+) HTTP\/1\.([0-9])\r\n([^]*?\r\n)??\r\n/.exec(wire);
  if (head === null) return undefined;
  const [all, method = "", target = "", minor, lines = ""] = head;
  const body = readContent(lines, wire.slice(all.length));
  const last = closes(minor === "0", values(lines, "connection"));
  const { content, complete, length } = body;
  return { request: { method, target, content, complete, last }, length: all.length + length };
}

interface Content {
  readonly content: string;
  readonly complete: boolean;
  /** Bytes on the wire. */
  readonly length: number;
}

function readContent(lines: string, rest: string): Content {
  if (values(lines, "transfer-encoding").length > 0) return readChunks(rest);
  const length = Number(values(lines, "content-length")[0] ?? 0);
  return { content: rest.slice(0, length), complete: rest.length >= length, length };
}

function values(lines: string, name: string): string[] {
  const found = lines.split("\r\n").filter((line) => line.toLowerCase().startsWith(`${name}:`));
  return found.map((line) => line.slice(name.length + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
}

function closes(old: boolean, connection: string[]): boolean {
  const options = connection
    .join(",")
    .toLowerCase()
    .split(/[ \t]*,[ \t]*/);
  return options.includes("close") || (old && !options.includes("keep-alive"));
}

function readChunks(rest: string): Content {
  let content = "";
  for (let at = 0; ;) {
    const line = /^([0-9a-fA-F]+)(;[^\r\n]*)?\r\n/.exec(rest.slice(at, at + 2000));
    if (line === null) return { content, complete: false, length: rest.length };
    const size = parseInt(line[1] as string, 16); // the group is not optional
    at += line[0].length;
    if (size === 0) return { content, ...afterLastChunk(rest, at) };
    content += rest.slice(at, at + size);
    at += size;
    if (rest.slice(at, at + 2) !== "\r\n") return { content, complete: false, length: rest.length };
    at += 2;
  }
}

function afterLastChunk(rest: string, at: number): { complete: boolean; length: number } {
  const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(rest.slice(at));
  return { complete: trailers !== null, length: at + (trailers?.[0].length ?? 0) };
}
