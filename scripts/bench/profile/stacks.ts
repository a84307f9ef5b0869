/** Stacks that a sampling profiler has seen, and what they say: who was at work, and on whose behalf. */

/** Behind the name of a file of samples that is not whole yet. */
export const PARTIAL = ".partial";

/** The file of a front thread's samples. */
export const samplesOf = (pid: number, thread: number | string) => `front-${pid}-${thread}.json`;

/** The file that asks the fronts of a process for what they have seen. */
export const askedBy = (pid: number) => `end-${pid}`;

/** The innermost frame first. */
export interface Stack {
  readonly frames: readonly string[];
  readonly samples: number;
}

export interface Share {
  readonly frame: string;
  /** Of all samples, 0 to 1. */
  readonly share: number;
}

interface JscFrame {
  readonly name: string;
  readonly sourceURL?: string;
  readonly line?: number;
}

/** Of `samplingProfilerStackTraces` of bun:jsc. */
export function fromJsc(json: string, root: string): Stack[] {
  const { traces } = JSON.parse(json) as { traces: readonly { frames: readonly JscFrame[] }[] };
  return traces.map(({ frames }) => ({ frames: frames.map((frame) => jscFrame(frame, root)), samples: 1 }));
}

function jscFrame({ name, sourceURL = "", line }: JscFrame, root: string): string {
  const where = sourceURL.startsWith(root) ? ` ${sourceURL.slice(root.length).replace(/^\/+/, "")}:${line}` : "";
  return `${name === "" ? "(anonymous)" : name}${where}`;
}

/** Of `py-spy record --format raw`: the outermost frame first, then the count. */
export function fromPySpy(text: string): Stack[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const end = line.lastIndexOf(" ");
    const frames = line.slice(0, end).split(";").toReversed();
    return { frames, samples: Number(line.slice(end + 1)) };
  });
}

/** At work themselves: the innermost frame. */
export function selfShares(stacks: readonly Stack[]): Share[] {
  return shares(stacks, ({ frames }) => frames.slice(0, 1));
}

/** At work, or waiting for what they called. */
export function totalShares(stacks: readonly Stack[]): Share[] {
  return shares(stacks, ({ frames }) => [...new Set(frames)]);
}

function shares(stacks: readonly Stack[], counted: (stack: Stack) => readonly string[]): Share[] {
  const counts = new Map<string, number>();
  let all = 0;
  for (const stack of stacks) {
    all += stack.samples;
    for (const frame of counted(stack)) counts.set(frame, (counts.get(frame) ?? 0) + stack.samples);
  }
  const found = [...counts].map(([frame, count]) => ({ frame, share: count / all }));
  return found.toSorted((a, b) => b.share - a.share);
}
