/**
 * What the caches of different fronts say to each other, through the master (front/messages.ts): so everybody hears what was changed
 * before what was asked later. Messages are texts, which the runtime passes on much faster than objects (there and back 17 µs of
 * CPU against 44), and so is the content of small replies beside them. Large ones are copied once and handed over.
 */
import { Fields } from "../protocol/http/fields.ts";
import { type DiskHead, diskHeadOf, entryOf } from "./disk-format.ts";
import type { CacheEntry } from "./entry.ts";
import type { Answer, Outcome, Question } from "./question.ts";

/** All of an entry but its content, which goes beside the message. `head.bornAt` counts from now. */
export interface EntryCopy {
  readonly head: DiskHead;
  readonly bytes: number;
}

/** Fields as pairs. */
export interface QuestionCopy extends Omit<Question, "fields"> {
  readonly fields: readonly (readonly [string, string])[];
}

type AnswerCopy =
  | Exclude<Answer, { readonly entry: CacheEntry } | { readonly kind: "fetch" }>
  | { readonly kind: "entry"; readonly entry: EntryCopy }
  | { readonly kind: "fetch"; readonly lease: number | undefined; readonly stale: EntryCopy | undefined };

type OutcomeCopy = Exclude<Outcome, { readonly how: "kept" }> | { readonly how: "kept"; readonly entry: EntryCopy };

/** `cache` names a cache and all that it is made of: fronts with different configurations do not mean the same one. `id` is
 *  the asker's, `lease` the home's. */
export type SiblingMessage =
  | { readonly kind: "ask"; readonly id: number; readonly cache: string; readonly question: QuestionCopy }
  | {
      readonly kind: "answer";
      readonly id: number;
      readonly cache: string;
      readonly key: string;
      readonly answer: AnswerCopy;
    }
  | {
      readonly kind: "over";
      readonly cache: string;
      readonly key: string;
      readonly lease: number;
      readonly outcome: OutcomeCopy;
    };

/** Latin-1, or bytes that are given away. */
export type Content = string | ArrayBuffer;

/** From there it costs less to hand content over than to pass it on as text. */
const TEXT_BYTES_MAX = 16 * 1024;

/** A message, and the content of the entry in it. */
export interface Packed<T> {
  readonly message: T;
  readonly body: Content | undefined;
}

export function packQuestion(question: Question): QuestionCopy {
  return { ...question, fields: question.fields.pairs() };
}

export function unpackQuestion(copy: QuestionCopy): Question {
  return { ...copy, fields: Fields.of(copy.fields) };
}

/** `nowMs`: base/clock monotonicMs, which is another one in each thread. */
export function packAnswer(answer: Answer, { key, place }: Question, nowMs: number): Packed<AnswerCopy> {
  switch (answer.kind) {
    case "entry":
      return {
        message: { kind: "entry", entry: copyOf(key, place, answer.entry, nowMs) },
        body: contentOf(answer.entry),
      };
    case "fetch": {
      const { lease, stale } = answer;
      const copy = stale === undefined ? undefined : copyOf(key, place, stale, nowMs);
      return { message: { kind: "fetch", lease, stale: copy }, body: stale && contentOf(stale) };
    }
    default:
      return { message: answer, body: undefined };
  }
}

export function unpackAnswer({ message, body = "" }: Packed<AnswerCopy>, nowMs: number): Answer {
  if (message.kind === "entry") return { kind: "entry", entry: original(message.entry, body, nowMs) };
  if (message.kind !== "fetch") return message;
  const { lease, stale } = message;
  return { kind: "fetch", lease, stale: stale && original(stale, body, nowMs) };
}

export function packOutcome(outcome: Outcome, key: string, place: string, nowMs: number): Packed<OutcomeCopy> {
  if (outcome.how !== "kept") return { message: outcome, body: undefined };
  const { entry } = outcome;
  return { message: { how: "kept", entry: copyOf(key, place, entry, nowMs) }, body: contentOf(entry) };
}

export function unpackOutcome({ message, body = "" }: Packed<OutcomeCopy>, nowMs: number): Outcome {
  return message.how === "kept" ? { how: "kept", entry: original(message.entry, body, nowMs) } : message;
}

function copyOf(key: string, place: string, entry: CacheEntry, nowMs: number): EntryCopy {
  return { head: diskHeadOf(key, place, entry, entry.bornMs - nowMs), bytes: entry.bytes };
}

function contentOf({ body }: CacheEntry): Content {
  if (body.length <= TEXT_BYTES_MAX) return body.latin1Slice();
  const copy = new ArrayBuffer(body.length);
  new Uint8Array(copy).set(body);
  return copy;
}

function original({ head, bytes }: EntryCopy, body: Content, nowMs: number): CacheEntry {
  const content = typeof body === "string" ? Buffer.from(body, "latin1") : Buffer.from(body);
  return entryOf(head, content, bytes, nowMs, 0);
}
