/** What a handler of files has to say of a name (handler.ts). */

/** What became of a name: `directory` and `missing` are for the caller to answer. */
export type FileOutcome = "answered" | "directory" | "missing";

export interface Found {
  /** `directory`: it was named without its slash. */
  readonly kind: "file" | "listing" | "directory" | "none";
  /** Below the root; of a directory's index the file. */
  readonly name: string;
}
