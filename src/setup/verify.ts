/** One page and one static file through the front, as a browser would ask: what came, and what it means. */
import { readdirSync, readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { join, relative } from "node:path";
import type { TLSSocket } from "node:tls";
import { type Front, hostOf } from "./front.ts";

const PATIENCE_MS = 30_000;

export interface Answered {
  readonly status: number;
  readonly location: string | undefined;
  readonly bytes: number;
  /** The certificate is one that browsers take; undefined without HTTPS. */
  readonly trusted: boolean | undefined;
}

/** A text is why there was no answer. */
export function askFront(front: Front, path: string): Promise<Answered | string> {
  const { promise, resolve } = Promise.withResolvers<Answered | string>();
  if (front.port === undefined) return Promise.resolve("a unix socket cannot be asked by a browser");
  const isHttps = front.https !== "off";
  // As people open it: Django may refuse that where it takes the address that is asked here.
  const name = hostOf(front) ?? front.address;
  const isUsual = front.port === (isHttps ? 443 : 80);
  const options = {
    host: front.address,
    port: front.port,
    path,
    agent: false as const,
    timeout: PATIENCE_MS,
    headers: { host: isUsual ? name : `${name}:${front.port}`, "user-agent": "server-setup" },
    // What is asked is whether the site answers; whether the certificate is good is told apart.
    ...(isHttps && { rejectUnauthorized: false, ...(isIP(name) === 0 && { servername: name }) }),
  };
  const asked = (isHttps ? httpsRequest : httpRequest)(options, (response) => {
    const trusted = isHttps ? (response.socket as TLSSocket).authorized : undefined;
    let bytes = 0;
    response.on("data", (chunk: Uint8Array) => (bytes += chunk.length));
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, location: response.headers.location, bytes, trusted }),
    );
    response.on("error", (error) => resolve(error.message));
  });
  asked.on("timeout", () => asked.destroy(new Error(`no answer in ${PATIENCE_MS / 1000} seconds`)));
  asked.on("error", (error) => resolve(error.message));
  asked.end();
  return promise;
}

export interface Judgement {
  readonly good: boolean;
  readonly what: string;
  readonly remedy: string | undefined;
}

const good = (what: string): Judgement => ({ good: true, what, remedy: undefined });
const bad = (what: string, remedy: string): Judgement => ({ good: false, what, remedy });

function count(bytes: number): string {
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}

export interface JudgeContext {
  readonly host: string | undefined;
  readonly kind: "django" | "wsgi" | "static" | "proxy";
  /** Where the log is. */
  readonly log: string;
  /** What mends what the project or the log says of a failure, when that is known (project/hints). */
  readonly hint?: string | undefined;
}

/** Of the page that was asked for. */
export function judgePage(path: string, answer: Answered | string, { host, kind, log, hint }: JudgeContext): Judgement {
  if (typeof answer === "string") return bad(`${path} is not answered: ${answer}`, `see ${log}`);
  const { status, location, bytes } = answer;
  const name = host ?? "this address";
  if (status < 300) return good(`${path} is answered ${status}, ${count(bytes)}`);
  if (status < 400) return good(`${path} is answered ${status}, to ${location ?? "nowhere"}`);
  switch (status) {
    case 400:
      if (kind !== "django") break;
      return bad(
        `${path} is answered 400`,
        `Django refuses the name: ALLOWED_HOSTS in the settings needs "${name}"; then server reload`,
      );
    case 401:
    case 403:
      if (kind === "static")
        return bad(`${path} is answered ${status}`, "the folder has no index.html that can be read");
      return good(`${path} is answered ${status}: it answers, and asks who you are`);
    case 404:
      if (kind === "static") return bad(`${path} is answered 404`, "the folder has no index.html that can be read");
      return good(`${path} is answered 404: it answers, and has no page there`);
    case 421:
      return bad(`${path} is answered 421`, `no site has the name ${name}: names in server.toml`);
    case 500:
      return bad(
        `${path} is answered 500`,
        hint ?? `the project fails; mend what is shown or stands in ${log}, then server reload`,
      );
    case 502:
      return bad(
        `${path} is answered 502`,
        kind === "proxy" ? "the other server does not answer; start it" : `its Python process died; see ${log}`,
      );
    case 503:
    case 504:
      return bad(`${path} is answered ${status}`, `no Python process answered in time; see ${log}`);
  }
  return bad(`${path} is answered ${status}`, `see ${log}`);
}

/** Of a static file of which we know how large it is. */
export function judgeFile(path: string, answer: Answered | string, size: number, folder: string): Judgement {
  if (typeof answer === "string") return bad(`${path} is not answered: ${answer}`, "see the log");
  const { status, bytes } = answer;
  if (status === 200 && bytes === size)
    return good(`${path} is answered 200, ${count(bytes)}, without asking the project`);
  if (status === 200)
    return bad(`${path} has ${count(bytes)}, and the file ${size}`, "another route answers; see server explain");
  if (status === 403 || status === 404)
    return bad(
      `${path} is answered ${status}`,
      `${folder} must be readable for the user of the server, and every folder above it enterable`,
    );
  return bad(`${path} is answered ${status}`, "server explain shows which route answers");
}

const TAIL_BYTES = 16 * 1024;

/** The last lines of a file; none when it cannot be read. */
export function tailOf(path: string): string[] {
  try {
    const bytes = readFileSync(path);
    return bytes.subarray(-TAIL_BYTES).toString().trimEnd().split("\n");
  } catch {
    return [];
  }
}

const FOLDERS_MAX = 200;

/** Not what the server or Django keep beside the files. */
function isPlain(name: string): boolean {
  return /^[\w.-]+$/.test(name) && !/^(staticfiles\.json|server\.(toml|log).*)$/.test(name);
}

/** A file of `folder` to ask for, as its path below it: the nearest, and with its size. */
export function someFile(folder: string): { readonly path: string; readonly size: number } | undefined {
  const folders = [folder];
  for (let at = 0; at < folders.length && at < FOLDERS_MAX; at++) {
    const here = folders[at] ?? "";
    try {
      const entries = readdirSync(here, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
      const visible = entries.filter(({ name }) => !name.startsWith("."));
      const file = visible.find((entry) => entry.isFile() && isPlain(entry.name));
      if (file !== undefined)
        return { path: relative(folder, join(here, file.name)), size: Bun.file(join(here, file.name)).size };
      folders.push(...visible.filter((entry) => entry.isDirectory()).map(({ name }) => join(here, name)));
    } catch {
      // one that cannot be read has no file to ask for
    }
  }
  return undefined;
}
