/** What a release is made of: a machine and its C library, under the name that install.sh asks for. */
export interface Artifact {
  readonly name: string;
  /** As `bun build --compile` calls it. */
  readonly target: string;
  /** As `uname -m` has it, and qemu. */
  readonly machine: "x86_64" | "aarch64";
  readonly libc: "glibc" | "musl";
}

export const ARTIFACTS: readonly Artifact[] = [
  { name: "linux-x64", target: "bun-linux-x64", machine: "x86_64", libc: "glibc" },
  { name: "linux-arm64", target: "bun-linux-arm64", machine: "aarch64", libc: "glibc" },
  { name: "linux-x64-musl", target: "bun-linux-x64-musl", machine: "x86_64", libc: "musl" },
  { name: "linux-arm64-musl", target: "bun-linux-arm64-musl", machine: "aarch64", libc: "musl" },
];
