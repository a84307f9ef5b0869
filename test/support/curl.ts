/** curl as a client with a mind of its own: cookies, forms, Expect, chunked uploads. */

export function curlMissing(): string | undefined {
  return Bun.which("curl") === null ? "curl is not installed (apt-get install curl)" : undefined;
}

export interface Curled {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `--max-time` keeps a server that hangs from hanging the test; proxies of the environment are not for loopback. */
export async function curl(...args: string[]): Promise<Curled> {
  const command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30", ...args];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}
