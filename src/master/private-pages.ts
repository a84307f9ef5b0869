/**
 * What the private listener answers: the status page, what it shows as JSON, metrics. Who may ask: with a token whoever
 * has it; without one (loopback or a unix socket) whoever reaches it, but no web page that had its name lead here (DNS
 * rebinding), so the Host must be an address or localhost.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHead } from "../protocol/http/message.ts";
import { metricsText, type Measured } from "./metrics.ts";
import PAGE from "./page/status.html" with { type: "text" };
import type { Answer } from "./private-session.ts";
import type { RecentLine } from "./recent-lines.ts";

export interface PageSources {
  readonly measure: () => Promise<Measured>;
  readonly recent: (after: number) => readonly RecentLine[];
}

const TEXT = "Content-Type: text/plain; charset=utf-8";

export async function answerPrivately(
  head: RequestHead,
  { token, unix }: { readonly token: string | undefined; readonly unix: boolean },
  { measure, recent }: PageSources,
): Promise<Answer> {
  if (token !== undefined && !mayPass(head, token)) return UNAUTHORIZED;
  if (token === undefined && !unix && !isAddress(head.host)) return MISDIRECTED;
  if (head.method !== "GET" && head.method !== "HEAD") return refusal(405, "only GET", ["Allow: GET, HEAD"]);
  switch (head.path) {
    case "/":
      // Read as text; the bundler's type says that HTML is a bundle.
      return { status: 200, fields: ["Content-Type: text/html; charset=utf-8"], content: PAGE as unknown as string };
    case "/metrics":
      return {
        status: 200,
        fields: ["Content-Type: text/plain; version=0.0.4; charset=utf-8"],
        content: metricsText(await measure()),
      };
    case "/status.json": {
      const after = Number(/^after=(\d{1,15})$/.exec(head.query ?? "")?.[1] ?? 0);
      const content = JSON.stringify({ ...(await measure()), at: Date.now(), lines: recent(after) });
      return { status: 200, fields: ["Content-Type: application/json"], content };
    }
    default:
      return refusal(404, "here are /, /metrics and /status.json");
  }
}

function refusal(status: number, why: string, more: readonly string[] = []): Answer {
  return { status, fields: [TEXT, ...more], content: `${why}\n` };
}

const UNAUTHORIZED = refusal(401, "the token of [metrics] is required", [
  'WWW-Authenticate: Basic realm="server status", charset="UTF-8"',
]);
const MISDIRECTED = refusal(421, "ask for it by its address, or as localhost");

function isAddress(host: string): boolean {
  return host === "localhost" || /^[0-9.]+$/.test(host) || /^\[[0-9a-f:.]+\]$/.test(host);
}

function mayPass(head: RequestHead, token: string): boolean {
  const [, scheme = "", given = ""] = /^(\S+) +(\S+)$/.exec(head.fields.get("authorization") ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return isSame(given, token);
  if (scheme.toLowerCase() !== "basic") return false;
  const pair = Buffer.from(given, "base64").toString();
  return isSame(pair.slice(pair.indexOf(":") + 1), token);
}

/** Takes as long whatever is given. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
