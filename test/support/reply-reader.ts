/**
 * One HTTP/1.1 reply out of bytes as they come, for tests that look at its framing: each line must be exactly as RFC 9112 has it, and
 * what comes behind the reply is kept apart. It knows nothing of connections.
 */

type Place = "head" | "length" | "size" | "data" | "data end" | "last" | "rest" | "over";

const SIZE_LINE = /^[0-9a-f]{1,8}$/i;

export class ReplyReader {
  status = 0;
  /** Names in small letters. */
  readonly fields = new Map<string, string>();
  framing: "length" | "chunked" | "close" | "none" = "none";
  /** Sizes of all chunks but the last. */
  readonly chunks: number[] = [];
  /** Bytes of this reply, framing and all. */
  wireBytes = 0;
  private readonly method: string;
  private readonly pieces: Buffer[] = [];
  private waiting: Buffer = Buffer.alloc(0);
  private place: Place = "head";
  private left = 0;

  constructor(method: string) {
    this.method = method;
  }

  get isOver(): boolean {
    return this.place === "over";
  }

  get body(): Buffer {
    return Buffer.concat(this.pieces);
  }

  /** What came behind it. */
  get surplus(): Buffer {
    return this.waiting;
  }

  feed(bytes: Buffer): void {
    this.waiting = this.waiting.length === 0 ? bytes : Buffer.concat([this.waiting, bytes]);
    while (!this.isOver && this.step()) continue;
  }

  /** The connection has ended; without an announced end that is the end of the reply. */
  ended(): void {
    if (this.place === "rest") this.place = "over";
  }

  /** False when there is not enough to go on. */
  private step(): boolean {
    switch (this.place) {
      case "head":
        return this.takeLine("\r\n\r\n", (head) => this.begin(head.split("\r\n")));
      case "size":
        return this.takeLine("\r\n", (line) => this.chunk(line));
      case "data end":
        return this.takeLine("\r\n", (line) => this.nothing(line, "size"));
      case "last":
        return this.takeLine("\r\n", (line) => this.nothing(line, "over"));
      case "length":
        return this.takeData("over");
      case "data":
        return this.takeData("data end");
      case "rest":
        this.left = this.waiting.length;
        return this.takeData("rest");
      case "over":
        return false;
    }
  }

  private begin([statusLine = "", ...lines]: string[]): void {
    const match = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine);
    if (match === null) throw new Error(`no status line: ${JSON.stringify(statusLine)}`);
    this.status = Number(match[1]);
    for (const line of lines) {
      const [, name, value] = /^([!#-'*+.^_`|~\w-]+): ?(.*)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`no field line: ${JSON.stringify(line)}`);
      this.fields.set(name.toLowerCase(), value as string);
    }
    this.place = this.frame();
  }

  /** RFC 9112 section 6.3. */
  private frame(): Place {
    const length = this.fields.get("content-length");
    const coding = this.fields.get("transfer-encoding");
    if (length !== undefined && coding !== undefined) throw new Error("a length and a transfer coding in one reply");
    if (this.method === "HEAD" || this.status === 204 || this.status === 304) return "over";
    this.framing = coding !== undefined ? "chunked" : length === undefined ? "close" : "length";
    if (coding !== undefined && coding !== "chunked") throw new Error(`transfer coding ${coding}`);
    this.left = Number(length ?? 0);
    if (this.framing === "length") return this.left === 0 ? "over" : "length";
    return coding === undefined ? "rest" : "size";
  }

  private chunk(line: string): void {
    if (!SIZE_LINE.test(line)) throw new Error(`no chunk size: ${JSON.stringify(line.slice(0, 40))}`);
    this.left = Number.parseInt(line, 16);
    this.place = this.left === 0 ? "last" : "data";
    if (this.left > 0) this.chunks.push(this.left);
  }

  private nothing(line: string, next: Place): void {
    if (line !== "") throw new Error(`${JSON.stringify(line.slice(0, 40))} where a line should end`);
    this.place = next;
  }

  private takeLine(end: string, take: (line: string) => void): boolean {
    const LINE_BYTES_MAX = 64 * 1024;
    const at = this.waiting.indexOf(end, 0, "latin1");
    if (at === -1 && this.waiting.length > LINE_BYTES_MAX) throw new Error("a line without an end");
    if (at === -1) return false;
    const line = this.waiting.latin1Slice(0, at);
    this.drop(at + end.length);
    take(line);
    return true;
  }

  private takeData(next: Place): boolean {
    const piece = this.waiting.subarray(0, this.left);
    if (piece.length === 0) return false;
    this.pieces.push(piece);
    this.left -= piece.length;
    this.drop(piece.length);
    if (this.left === 0) this.place = next;
    return true;
  }

  private drop(bytes: number): void {
    this.wireBytes += bytes;
    this.waiting = this.waiting.subarray(bytes);
  }
}
