/**
 * Content codings (RFC 9110 section 8.4) and what a client says about them in Accept-Encoding (section 12.5.3). Not here:
 * the compressing (encoder.ts), and which replies are compressed (compressible.ts).
 *
 * A coding is used when its weight is above 0 and not below a weight that the client gives `identity` itself. Of equal
 * weights one that was named goes before one that only `*` covers, then our own order counts; for `*` alone gzip is
 * first, since who writes that may know nothing newer. What is malformed is ignored, element by element. A client that
 * refuses identity and takes nothing we have gets identity all the same, as from nginx: it can still refuse the reply.
 */
import { type FieldName, Fields } from "../protocol/http/fields.ts";

export type ContentCoding = "zstd" | "br" | "gzip";

export const CONTENT_CODINGS: readonly ContentCoding[] = ["zstd", "br", "gzip"];

/** Best first. One per order; shared by the requests of a thread, since browsers send a handful of texts. */
export class Negotiator {
  private readonly order: readonly ContentCoding[];
  private readonly hasIdentity: boolean;
  private readonly known = new Map<string, readonly ContentCoding[]>();

  /** `hasIdentity`: is it there, too, for who likes it better? */
  constructor(order: readonly ContentCoding[], hasIdentity = true) {
    this.order = order;
    this.hasIdentity = hasIdentity;
  }

  /** What the client takes, best first; empty: only identity. */
  ranked(fields: Fields): readonly ContentCoding[] {
    const written = acceptEncodingOf(fields);
    return written === undefined ? NONE : this.read(written);
  }

  /** The same of the text of the field. */
  read(written: string): readonly ContentCoding[] {
    const known = this.known.get(written);
    if (known !== undefined) return known;
    const weights = weigh(written);
    const made = rank(weights, this.order, this.hasIdentity ? (weights.get("identity") ?? 0) : 0);
    // Clients can spell without end; real ones do not.
    if (this.known.size < KNOWN_MAX && written.length <= KNOWN_LENGTH_MAX) this.known.set(written, made);
    return made;
  }
}

const NONE: readonly ContentCoding[] = [];
const KNOWN_MAX = 256;
const KNOWN_LENGTH_MAX = 256;

/** Several lines are one list (RFC 9110 section 5.3). */
function acceptEncodingOf({ names, values }: Fields): string | undefined {
  let written: string | undefined;
  for (let i = 0; i < names.length; i++) {
    // Both arrays have one length.
    if ((names[i] as FieldName).lower !== "accept-encoding") continue;
    const value = values[i] as string;
    written = written === undefined ? value : `${written},${value}`;
  }
  return written;
}

/** `gzip;q=0.5`; x-gzip is gzip (RFC 9110 section 8.4.1.3). A weight has three decimals at most (section 12.4.2). */
const ELEMENT = /^[\t ]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[\t ]*(?:;[\t ]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[\t ]*)?$/i;

/** Coding → weight. Of two words about one coding the first counts. */
function weigh(written: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const element of written.split(",")) {
    const [, token, weight = "1"] = ELEMENT.exec(element) ?? [];
    if (token === undefined) continue;
    const coding = token.toLowerCase().replace(/^x-gzip$/, "gzip");
    if (!weights.has(coding)) weights.set(coding, Number(weight));
  }
  return weights;
}

/** Behind `*`: the most widely understood first. */
const UNNAMED_ORDER: readonly ContentCoding[] = ["gzip", "br", "zstd"];

/** `identity`: the weight that they must not be below. */
function rank(
  weights: ReadonlyMap<string, number>,
  order: readonly ContentCoding[],
  identity: number,
): readonly ContentCoding[] {
  const others = weights.get("*") ?? 0;
  const named = order.filter((coding) => weights.has(coding));
  const unnamed = UNNAMED_ORDER.filter((coding) => order.includes(coding) && !weights.has(coding));
  const weightOf = (coding: ContentCoding) => weights.get(coding) ?? others;
  return [...named, ...unnamed]
    .filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= identity)
    .toSorted((a, b) => weightOf(b) - weightOf(a));
}

/** Says in `fields` that the reply depends on Accept-Encoding, beside what else it depends on (RFC 9110 section 12.5.5). */
export function addVary(fields: Fields): void {
  if (!fields.has("vary")) return void fields.add("Vary", "Accept-Encoding");
  const written = fields.all("vary");
  const names = written.flatMap((value) => value.split(",")).map((name) => name.trim().toLowerCase());
  if (names.includes("*") || names.includes("accept-encoding")) return;
  fields.set("Vary", [...written.filter((value) => value.trim() !== ""), "Accept-Encoding"].join(", "));
}
