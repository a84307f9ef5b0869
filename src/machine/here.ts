/** The surroundings that are real: this machine's files, environment and programs. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { assert } from "../base/assert.ts";
import { launcherWords, sendSpec } from "../os/launcher.ts";
import { closeDescriptor, socketPair } from "../os/sockets.ts";
import { PROGRAM_WORD, SPEC_FD } from "./launch-program.ts";
import {
  type FileKind,
  type Files,
  type Ran,
  RESULT_FD,
  type RunAs,
  type RunOptions,
  TEXT_BYTES_MAX,
} from "./surroundings.ts";
import type { Surroundings } from "./surroundings.ts";

/** Of each stream; what is beyond is read and forgotten, so that the program does not stop. */
const OUTPUT_CHARACTERS_MAX = 4 * 1024 * 1024;

/** After the end of a program: for what it has started to close the streams that it inherited. */
const STREAMS_MS = 500;

export function here(environment: Readonly<Record<string, string | undefined>> = process.env): Surroundings {
  return { files: REAL_FILES, environment, run: (words, options) => runProgram(words, options, environment) };
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    // For facts, what cannot be seen is not there.
    return undefined;
  }
}

const REAL_FILES: Files = {
  read: (path) =>
    attempt(() => {
      // Files of /proc have size 0; devices and sockets are no text.
      const found = statSync(path);
      return found.isFile() && found.size <= TEXT_BYTES_MAX ? readFileSync(path, "utf8") : undefined;
    }),
  list: (path) => attempt(() => readdirSync(path).sort()) ?? [],
  kind: (path) =>
    attempt((): FileKind => {
      const found = statSync(path);
      if (found.isDirectory()) return "directory";
      return found.isFile() ? "file" : "other";
    }),
  link: (path) => attempt(() => readlinkSync(path)),
  isExecutable: (path) =>
    attempt(() => {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    }) === true,
};

/** In a process group of its own, so that its end is that of all it has started. */
function runProgram(
  words: readonly string[],
  options: RunOptions,
  environment: Surroundings["environment"],
): Promise<Ran> {
  const env = { ...environment, ...(options.as && identity(options.as)), ...options.environment };
  const { promise, resolve } = Promise.withResolvers<Ran>();
  const { as } = options;
  const child = attempt(() =>
    as === undefined ? start(words, options.folder, env) : startAs(as, words, options.folder, env),
  );
  if (child === undefined) return Promise.resolve(notStarted("it cannot be started"));
  if (typeof child === "string") return Promise.resolve(notStarted(child));
  const outputs = [1, 2, RESULT_FD].map((fd) => new Output(child.stdio[fd] as Readable, fd, options.line));
  let failure: string | undefined;
  const end = (why: string) => {
    failure ??= why;
    killGroup(child);
  };
  const timer = setTimeout(() => end("timeout"), options.timeoutMs);
  const abort = () => end("aborted");
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted === true) abort();
  const finish = (code: number | null, why: string | undefined) => {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
    const [stdout = "", stderr = "", result = ""] = outputs.map((output) => output.finish());
    resolve({
      code: failure === undefined ? (code ?? undefined) : undefined,
      stdout,
      stderr,
      result,
      failure: failure ?? why,
    });
  };
  child.once("error", (error) => finish(null, (error as { code?: string }).code ?? error.message));
  child.once("exit", async (code, signal) => {
    // A daemon that it left behind may hold the streams open for ever. (The event `close` does not wait for all of them.)
    await Promise.race([Promise.all(outputs.map(({ ended }) => ended)), Bun.sleep(STREAMS_MS)]);
    finish(code, signal ?? undefined);
  });
  return promise;
}

type Environment = Readonly<Record<string, string | undefined>>;

function start(
  [program = "", ...rest]: readonly string[],
  cwd: string,
  env: Environment,
  more: readonly number[] = [],
) {
  return spawn(program, rest, { cwd, env, stdio: ["ignore", "pipe", "pipe", "pipe", ...more], detached: true });
}

/** What is executed has the rights of that user from its beginning on. A string is why there is nothing to execute. */
function startAs(as: RunAs, words: readonly string[], folder: string, env: Environment): ChildProcess | string {
  const program = Bun.which(words[0] ?? "", { PATH: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", cwd: folder });
  if (program === null) return "ENOENT";
  const [ours, launchers] = socketPair("stream");
  try {
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const user = { uid: as.uid, gid: as.gid, groups: as.groups ?? as.name ?? [] };
    const what = { program, words, env: Object.fromEntries(set), cwd: folder, parent: process.pid };
    sendSpec(ours, { ...what, kept: [RESULT_FD], user, umask: undefined });
    assert(SPEC_FD === RESULT_FD + 1, "the launcher reads it from there");
    return start(launcherWords(PROGRAM_WORD), "/", {}, [launchers]);
  } finally {
    closeDescriptor(ours);
    closeDescriptor(launchers);
  }
}

function identity({ home, name }: RunAs): Record<string, string> {
  return { HOME: home, ...(name !== undefined && { USER: name, LOGNAME: name }) };
}

function notStarted(failure: string): Ran {
  return { code: undefined, stdout: "", stderr: "", result: "", failure };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) attempt(() => process.kill(-pid, "SIGKILL"));
}

/** What came on one descriptor, as text and, for standard streams, line by line. */
class Output {
  private text = "";
  private rest = "";
  private readonly line: ((text: string) => void) | undefined;
  readonly ended: Promise<void>;

  constructor(stream: Readable | null, fd: number, line: ((text: string) => void) | undefined) {
    this.line = fd === RESULT_FD ? undefined : line;
    stream?.setEncoding("utf8");
    stream?.on("data", (piece: string) => this.take(piece));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    // An error: the end of the program tells what there is to tell.
    for (const event of ["end", "close", "error"]) stream?.on(event, () => resolve());
  }

  private take(piece: string): void {
    if (this.text.length < OUTPUT_CHARACTERS_MAX) this.text += piece;
    if (this.line === undefined) return;
    const lines = (this.rest + piece).split("\n");
    this.rest = (lines.pop() ?? "").slice(-OUTPUT_CHARACTERS_MAX);
    for (const line of lines) this.line(line);
  }

  finish(): string {
    if (this.rest !== "") this.line?.(this.rest);
    this.rest = "";
    return this.text;
  }
}
