/** A connection for each request, one after the other, each of which resumes the session of the one before: openssl's s_time. */

export interface Handshaking {
  readonly port: number;
  readonly path: string;
  readonly seconds: number;
  /** At the same time. */
  readonly clients: number;
}

export interface Handshaken {
  readonly connections: number;
  /** Of them. */
  readonly resumed: number;
}

export async function handshakes({ port, path, seconds, clients }: Handshaking): Promise<Handshaken> {
  const where = ["-connect", `127.0.0.1:${port}`, "-www", path];
  const command = ["openssl", "s_time", ...where, "-time", String(seconds), "-tls1_3", "-reuse"];
  const reports = await Promise.all(
    Array.from({ length: clients }, async () => {
      const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
      return readHandshakes(await new Response(child.stdout).text());
    }),
  );
  const sum = (key: keyof Handshaken) => reports.reduce((total, report) => total + report[key], 0);
  return { connections: sum("connections"), resumed: sum("resumed") };
}

/** What s_time prints: a letter for each connection, `r` for one that resumed, `t` or `*` for one that did not. */
export function readHandshakes(report: string): Handshaken {
  const letters = [...report.matchAll(/^[rt*]+$/gm)].join("");
  if (letters === "") throw new Error(`no connection was made:\n${report.slice(0, 500)}`);
  return { connections: letters.length, resumed: letters.split("r").length - 1 };
}
