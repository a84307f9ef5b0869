/**
 * A file that somebody else has opened, as the content of a reply: what an application gives through wsgi.file_wrapper.
 * Who has it sends it with a FileSender; what is made of ranges and conditions is the sender's business.
 */
import type { ReplyHead } from "../protocol/http/message.ts";
import type { Exchange } from "./exchange.ts";

export interface OpenFile {
  /** As its producer wants it; its `length` is that of the content, and is known. */
  readonly head: ReplyHead;
  /** The sender's from the call on: it closes it. */
  readonly fd: number;
  /** Where the content begins in the file. */
  readonly offset: number;
}

/** Answers the exchange with the file, now and to the end. */
export type FileSender = (exchange: Exchange, file: OpenFile) => void;
