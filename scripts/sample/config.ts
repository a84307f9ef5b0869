/** The server.toml of the sample project. */
import { join } from "node:path";
import type { Django } from "./django.ts";
import { PROJECT } from "./prepare.ts";

export interface SampleOptions {
  readonly django: Django;
  /** Where the database, the uploads and the collected static files are. */
  readonly data: string;
  readonly listen: string;
  readonly names: readonly string[];
  readonly processes: number;
  readonly threads: number;
}

/** Strings are written as JSON, which TOML's basic strings contain. */
const q = (text: string) => JSON.stringify(text);

export function sampleConfig(options: SampleOptions): string {
  const { django, data } = options;
  // Who tries it out as root says so by that.
  const root = process.geteuid?.() === 0 ? "[server]\nrun_as_root = true\n\n" : "";
  return `# Written by scripts/run.ts; it is written again at every \`make run\`.
${root}[app.mysite]
root = ${q(PROJECT)}
wsgi = "mysite.wsgi:application"
python = ${q(django.python)}
processes = ${options.processes}
threads = ${options.threads}

[app.mysite.env]
MYSITE_DATA = ${q(data)}

[[site]]
names = [${options.names.map(q).join(", ")}]
listen = [${q(options.listen)}]
charset = "utf-8"
max_body_size = "100MB"

[site.routes]
"/static/" = { files = ${q(join(data, "static/"))}, cache = "1h" }
"/" = { app = "mysite" }
`;
}
