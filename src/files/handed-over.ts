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
import { type FileStat, statOf } from "../os/file-stat.ts";
import { readAt } from "../os/read-at.ts";
import { closeDescriptor } from "../os/sockets.ts";
import { parseHttpDate } from "../protocol/http/date.ts";
import { Fields } from "../protocol/http/fields.ts";
import { LENGTH_UNKNOWN, type ReplyHead } from "../protocol/http/message.ts";
import { CACHED_FILE_BYTES_MAX } from "./cache.ts";
import { type Conditions, evaluate, readConditions, type Validators } from "./conditional.ts";
import { chooseRange } from "../protocol/http/range.ts";
import { OpenFile } from "./open-files.ts";
import type { Selection, Span } from "./representation.ts";
import { sendFile } from "./transfer.ts";

/** A FileSender (exchange/open-file.ts). */
export function sendOpenFile(exchange: Exchange, file: GivenFile): void {
  const part = isSelectable(exchange, file.head) ? select(exchange, file) : whole(file);
  if (part === undefined) return closeDescriptor(file.fd);
  send(exchange, file.fd, part);
}

/** One range of it, with its head. */
interface Part extends Span {
  readonly head: ReplyHead;
}

/** What is small goes with its head in one write. */
function send(exchange: Exchange, fd: number, part: Part): void {
  const { reply, head } = exchange;
  const content = head.method === "HEAD" ? EMPTY : readSmall(fd, part);
  if (content === undefined) return sendFile(reply, new OpenFile(fd, statOf(fd)), selectionOf(part));
  closeDescriptor(fd);
  reply.whole(part.head, content);
}

function selectionOf({ head, first, length }: Part): Selection {
  return { head, pieces: [{ first, length }] };
}

function readSmall(fd: number, { first, length }: Span): Buffer | undefined {
  if (length > CACHED_FILE_BYTES_MAX) return undefined;
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length;) {
    const got = readAt(fd, bytes, done, length - done, first + done);
    // Shorter than it was, or unreadable: the transfer will meet that, and break the reply off.
    if (got <= 0) return undefined;
    done += got;
  }
  return bytes;
}

function whole({ head, offset }: GivenFile): Part {
  return { head, first: offset, length: head.length };
}

function isSelectable(exchange: Exchange, { status, fields }: ReplyHead): boolean {
  const { method } = exchange.head;
  if (status !== 200 || (method !== "GET" && method !== "HEAD")) return false;
  return !fields.has("content-range") && !fields.has("content-encoding");
}

/** What of the file is to be sent; undefined when the answer needs none of it and has been given. */
function select(exchange: Exchange, file: GivenFile): Part | undefined {
  const { method, fields } = exchange.head;
  const described = describe(file);
  const { head, offset } = described;
  const sent = readConditions(fields);
  const conditions = applicable(sent, head.fields);
  switch (evaluate(conditions, validatorsOf(head.fields), method, wallMs)) {
    case "whole":
      return whole(described);
    case "ranged":
      return selectRange(exchange, head, offset, conditions.range ?? "");
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

/** One range; several are answered with all of it. */
function selectRange(exchange: Exchange, head: ReplyHead, offset: number, range: string): Part | undefined {
  const choice = chooseRange(range, head.length, 1);
  if (
    choice.kind === "whole" ||
    choice.kind === "parts" ||
    head.fields.get("accept-ranges")?.toLowerCase() === "none"
  ) {
    return { head, first: offset, length: head.length };
  }
  if (choice.kind === "unsatisfiable") {
    answer(exchange, 416, Fields.of([["Content-Range", `bytes */${head.length}`]]));
    return undefined;
  }
  const { first, last } = choice;
  const fields = copyOf(head.fields).add("Content-Range", `bytes ${first}-${last}/${head.length}`);
  const length = last - first + 1;
  return { head: { status: 206, reason: undefined, fields, length }, first: offset + first, length };
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
