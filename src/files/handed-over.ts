/**
 * A file that an application has opened and given away as the content of its reply (wsgi.file_wrapper): sent from the
 * descriptor, with what RFC 9110 offers for files. Byte ranges and preconditions hold if the reply is a plain 200 that is
 * neither a range nor encoded already. Without a validator of the application's own the file's state makes an ETag; no
 * Last-Modified is added, since by it a shared cache could keep what was meant for one user (RFC 9111 section 4.2.2).
 */
import { EMPTY } from "../base/bytes.ts";
import { wallMs } from "../base/clock.ts";
import { answer } from "../exchange/canned.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { OpenFile as GivenFile } from "../exchange/open-file.ts";
import { type FileStat, leadsElsewhere, statOf } from "../os/file-stat.ts";
import { readAt } from "../os/read-at.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { parseHttpDate } from "../protocol/http/date.ts";
import { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { chooseRange, type Range } from "../protocol/http/range.ts";
import { multipartOf } from "./byteranges.ts";
import { CACHED_FILE_BYTES_MAX } from "./cache.ts";
import { type Conditions, evaluate, readConditions, type Validators } from "./conditional.ts";
import { placeOf } from "./open.ts";
import { OpenFile } from "./open-files.ts";
import type { Selection, Span } from "./representation.ts";
import { sendFile } from "./transfer.ts";

/** A FileSender (exchange/open-file.ts). */
export function sendOpenFile(exchange: Exchange, file: GivenFile): void {
  const selection = isSelectable(exchange, file.head) ? select(exchange, file) : whole(file);
  if (selection === undefined) return closeDescriptor(file.fd);
  send(exchange, file.fd, selection);
}

/** What is small goes with its head in one write. */
function send(exchange: Exchange, fd: number, selection: Selection): void {
  const { reply, head } = exchange;
  const content = head.method === "HEAD" ? EMPTY : readSmall(fd, selection);
  if (content === undefined) return sendFile(reply, openFile(fd), selection);
  closeDescriptor(fd);
  reply.whole(selection.head, content);
}

/** Its place is told by the kernel, so that it is sent to its end when it is only renamed meanwhile. A name that leads to it no more
 *  would explain everything that is done to it (OpenFile.isUntouched): then nobody knows its place. */
function openFile(fd: number): OpenFile {
  const stats = statOf(fd);
  const place = placeOf(fd);
  return new OpenFile(fd, stats, leadsElsewhere(place, stats) ? "" : place);
}

function readSmall(fd: number, { head, pieces }: Selection): Buffer | undefined {
  if (head.length > CACHED_FILE_BYTES_MAX) return undefined;
  const bytes = Buffer.allocUnsafeSlow(head.length);
  let at = 0;
  for (const piece of pieces) {
    if (!("first" in piece)) bytes.set(piece, at);
    // Shorter than it was, or unreadable: the transfer will meet that, and break the reply off.
    else if (!readSpan(fd, piece, bytes, at)) return undefined;
    at += piece.length;
  }
  return bytes;
}

function readSpan(fd: number, { first, length }: Span, into: Buffer, at: number): boolean {
  for (let done = 0; done < length;) {
    const got = readAt(fd, into, at + done, length - done, first + done);
    if (got <= 0) return false;
    done += got;
  }
  return true;
}

function whole({ head, offset }: GivenFile): Selection {
  return { head, pieces: [{ first: offset, length: head.length }] };
}

function isSelectable(exchange: Exchange, { status, fields }: ReplyHead): boolean {
  const { method } = exchange.head;
  if (status !== 200 || (method !== "GET" && method !== "HEAD")) return false;
  return !fields.has("content-range") && !fields.has("content-encoding");
}

/** What of the file is to be sent; undefined when the answer needs none of it and has been given. */
function select(exchange: Exchange, file: GivenFile): Selection | undefined {
  const { method, fields } = exchange.head;
  const described = describe(file);
  const { head } = described;
  const sent = readConditions(fields);
  const conditions = applicable(sent, head.fields);
  switch (evaluate(conditions, validatorsOf(head.fields), method, wallMs)) {
    case "whole":
      return whole(described);
    case "ranged":
      return selectRange(exchange, described, conditions.range ?? "");
    case "not-modified":
      exchange.reply.whole(
        { status: 304, reason: undefined, fields: of304(head.fields), length: LENGTH_UNKNOWN },
        EMPTY,
      );
      return undefined;
    case "failed":
      answer(exchange, 412);
      return undefined;
  }
}

function selectRange(exchange: Exchange, file: GivenFile, range: string): Selection | undefined {
  const { fields, length } = file.head;
  if (fields.get("accept-ranges")?.toLowerCase() === "none") return whole(file);
  const choice = chooseRange(range, length);
  switch (choice.kind) {
    case "whole":
      return whole(file);
    case "part":
      return partOf(file, choice);
    case "parts":
      return partsOf(exchange, file, choice.ranges);
    case "unsatisfiable":
      answer(exchange, 416, Fields.of([["Content-Range", `bytes */${length}`]]));
      return undefined;
  }
}

function partOf({ head, offset }: GivenFile, { first, last }: Range): Selection {
  const fields = copyOf(head.fields).add("Content-Range", `bytes ${first}-${last}/${head.length}`);
  const length = last - first + 1;
  return { head: { status: 206, reason: undefined, fields, length }, pieces: [{ first: offset + first, length }] };
}

/** Each part has the type that the whole would have (RFC 9110 section 15.3.7.2), with the charset that the route adds. */
function partsOf({ headerRules }: Exchange, { head, offset }: GivenFile, ranges: readonly Range[]): Selection {
  const contentType = headerRules?.charset?.ofReply(head) ?? head.fields.get("content-type");
  const multipart = multipartOf({ contentType, size: head.length }, ranges, offset);
  const { length, pieces } = multipart;
  const fields = copyOf(head.fields).set("Content-Type", multipart.contentType);
  return { head: { status: 206, reason: undefined, fields, length }, pieces };
}

/** With a validator and the offer of ranges, unless the application has said so itself. */
function describe({ head, fd, offset }: GivenFile): GivenFile {
  const fields = copyOf(head.fields);
  if (!fields.has("etag") && !fields.has("last-modified")) {
    fields.add("ETag", etagOf(statOf(fd), offset, head.length));
  }
  if (!fields.has("accept-ranges")) fields.add("Accept-Ranges", "bytes");
  const { status, reason, length } = head;
  return { head: { status, reason, fields, length }, fd, offset };
}

/** In the form of representation.ts; a part of a file is another representation than all of it. */
function etagOf({ mtimeSec, mtimeNsec, size }: FileStat, offset: number, length: number): string {
  const state = `${mtimeSec.toString(16)}${mtimeNsec.toString(16).padStart(8, "0")}-${size.toString(16)}`;
  return length === size ? `"${state}"` : `"${state}-${offset.toString(16)}-${length.toString(16)}"`;
}

/** RFC 9110 sections 13.1.3 and 13.1.4: a date is compared with a date only; section 13.1.5: a weak tag fits no range. */
function applicable(sent: Conditions, fields: Fields): Conditions {
  const hasDate = fields.has("last-modified");
  const isWeak = fields.get("etag")?.startsWith("W/") === true;
  if (hasDate && !isWeak) return sent;
  return {
    ...sent,
    ifModifiedSince: hasDate ? sent.ifModifiedSince : undefined,
    ifUnmodifiedSince: hasDate ? sent.ifUnmodifiedSince : undefined,
    range: isWeak && sent.ifRange !== undefined ? undefined : sent.range,
  };
}

/** A date that is none is after every other: nothing is unmodified since. */
function validatorsOf(fields: Fields): Validators {
  const lastModified = fields.get("last-modified") ?? "";
  const lastModifiedMs = parseHttpDate(lastModified) ?? Number.POSITIVE_INFINITY;
  return { etag: fields.get("etag") ?? "", lastModified, lastModifiedMs };
}

/** RFC 9110 section 15.4.5: what describes the content goes; the rest is what the 200 would have had. */
function of304(fields: Fields): Fields {
  const kept = new Fields();
  for (const [name, value] of fields.pairs()) {
    const lower = name.toLowerCase();
    if (!lower.startsWith("content-") || lower === "content-location" || lower.startsWith("content-security-")) {
      kept.add(name, value);
    }
  }
  return kept;
}

function copyOf(fields: Fields): Fields {
  return Fields.of(fields.pairs());
}
