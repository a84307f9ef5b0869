/**
 * The charset that a Content-Type which names none is given (nginx: charset, charset_types). Texts are not converted: it
 * says what they are in.
 */
import type { ReplyHead } from "../protocol/http/message.ts";
import { TypeList } from "./compressible.ts";

export interface CharsetOptions {
  /** Undefined: none is added. */
  readonly charset: string | undefined;
  /** Media types, in which a star stands for any characters of one part; undefined: of files what is textual, of other
   *  replies REPLY_TYPES. */
  readonly charsetTypes: readonly string[] | undefined;
}

/** nginx's charset_types where none are said. Others may know better what they send than that it is text. */
export const REPLY_TYPES: readonly string[] = [
  "text/html",
  "text/plain",
  "text/xml",
  "text/vnd.wap.wml",
  "application/javascript",
  "application/rss+xml",
];

const USUAL = new TypeList(REPLY_TYPES);

export class Charset {
  private readonly parameter: string;
  private readonly types: TypeList | undefined;

  static of({ charset, charsetTypes }: CharsetOptions): Charset | undefined {
    return charset === undefined ? undefined : new Charset(charset, charsetTypes);
  }

  constructor(name: string, types?: readonly string[]) {
    this.parameter = `; charset=${name}`;
    this.types = types === undefined ? undefined : new TypeList(types);
  }

  /** The Content-Type of a file whose type is `type`. */
  ofFile(type: string): string {
    const fits = !type.includes(";") && (this.types?.has(type) ?? isTextual(type));
    return fits ? type + this.parameter : type;
  }

  /** The Content-Type of a reply in place of its own; undefined: it stays. That of a redirect says nothing of the page behind
   *  it, and old browsers took it for that (nginx). */
  ofReply({ status, fields }: ReplyHead): string | undefined {
    const type = status === 301 || status === 302 ? undefined : fields.get("content-type");
    return type === undefined || type.includes(";") || !(this.types ?? USUAL).has(type)
      ? undefined
      : type + this.parameter;
  }
}

/** Types whose definition has a charset parameter: text and XML. JSON has none (RFC 8259 section 11). */
function isTextual(type: string): boolean {
  return (
    type.startsWith("text/") || type.endsWith("+xml") || type === "application/xml" || type === "application/javascript"
  );
}
