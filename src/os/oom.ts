/**
 * Did the kernel's out-of-memory killer strike? It says so nowhere but in counters: of our control group (cgroups(7),
 * version 2: memory.events, version 1: memory.oom_control), or of the whole machine (/proc/vmstat).
 */
import { readFileSync } from "node:fs";

const COUNTERS = /^oom_kill (\d+)$/m;

export class OomCounter {
  private readonly files: readonly string[];
  private readonly read: (file: string) => string;
  private seen: number;

  /** `read`: a file as text; throws when it cannot be read. */
  constructor(read: (file: string) => string = (file) => readFileSync(file, "latin1")) {
    this.read = read;
    this.files = counterFiles(this.tryRead("/proc/self/cgroup") ?? "");
    this.seen = this.count();
  }

  /** Has it struck since this was asked last? */
  struck(): boolean {
    const count = this.count();
    const struck = count > this.seen;
    this.seen = count;
    return struck;
  }

  /** Of the first file that has the counter. */
  private count(): number {
    for (const file of this.files) {
      const found = COUNTERS.exec(this.tryRead(file) ?? "")?.[1];
      if (found !== undefined) return Number(found);
    }
    return 0;
  }

  private tryRead(file: string): string | undefined {
    try {
      return this.read(file);
    } catch {
      return undefined;
    }
  }
}

/** Where they are, by /proc/self/cgroup: lines `0::/path` (version 2) and `4:memory:/path` (version 1). In a container the
 *  path is often that of the host, while the group is mounted as the root. */
export function counterFiles(groups: string): string[] {
  const unified = /^0::(.*)$/m.exec(groups)?.[1];
  const memory = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  const v2 = unified === undefined ? [] : both("/sys/fs/cgroup", unified, "memory.events");
  const v1 = memory === undefined ? [] : both("/sys/fs/cgroup/memory", memory, "memory.oom_control");
  return [...v1, ...v2, "/proc/vmstat"];
}

function both(mount: string, path: string, name: string): string[] {
  return path === "/" ? [`${mount}/${name}`] : [`${mount}${path}/${name}`, `${mount}/${name}`];
}
