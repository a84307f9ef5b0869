import { describe, expect, test } from "bun:test";
import { counterFiles, OomCounter } from "../../src/os/oom.ts";

const VMSTAT = "/proc/vmstat";
const both = (mount: string, path: string, name: string) => [`${mount}${path}/${name}`, `${mount}/${name}`, VMSTAT];

describe("where the counters are", () => {
  const cases: [string, string, string[]][] = [
    ["version 2", "0::/system.slice/x\n", both("/sys/fs/cgroup", "/system.slice/x", "memory.events")],
    ["version 2, its root", "0::/\n", ["/sys/fs/cgroup/memory.events", VMSTAT]],
    ["version 1", "4:memory:/docker/1\n1:cpu:/\n", both("/sys/fs/cgroup/memory", "/docker/1", "memory.oom_control")],
    ["version 1, mounted with another", "4:cpu,memory:/a\n", both("/sys/fs/cgroup/memory", "/a", "memory.oom_control")],
    ["nowhere but in the machine's", "", [VMSTAT]],
  ];
  test.each(cases)("%s", (_, groups, expected) => expect(counterFiles(groups)).toEqual(expected));
});

describe("it has struck", () => {
  const contents = (files: Record<string, string>) => (file: string) => {
    const text = files[file];
    if (text === undefined) throw new Error("ENOENT");
    return text;
  };

  test("when the counter of the group rose since it was asked last", () => {
    const files: Record<string, string> = { "/proc/self/cgroup": "0::/a\n", [VMSTAT]: "oom_kill 7\n" };
    files["/sys/fs/cgroup/a/memory.events"] = "low 0\noom 3\noom_kill 1\noom_group_kill 0\n";
    const counter = new OomCounter(contents(files));
    files[VMSTAT] = "oom_kill 8\n";
    expect(counter.struck()).toBe(false);
    files["/sys/fs/cgroup/a/memory.events"] = "low 0\noom 3\noom_kill 2\n";
    expect([counter.struck(), counter.struck()]).toEqual([true, false]);
  });

  test("when that of the machine did, and the group has none", () => {
    const files: Record<string, string> = { "/proc/self/cgroup": "4:memory:/a\n", [VMSTAT]: "pgfault 1\noom_kill 7\n" };
    const counter = new OomCounter(contents(files));
    expect(counter.struck()).toBe(false);
    files[VMSTAT] = "pgfault 1\noom_kill 8\n";
    expect(counter.struck()).toBe(true);
  });

  test("never, where nothing can be read", () => {
    const counter = new OomCounter(contents({}));
    expect(counter.struck()).toBe(false);
  });
});
