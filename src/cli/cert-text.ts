/** Certificates as people read them. Pure. */
import type { CertificateOutcome, CertificateProgress } from "../master/certificate-commands.ts";
import type { CertificateDetail, CertificateStatus } from "../master/certificates.ts";
import { ago } from "./status-text.ts";

const SOURCES: Readonly<Record<CertificateStatus["source"], string>> = {
  files: "from files",
  auto: "ordered",
  internal: "signed by the local authority",
  temporary: "TEMPORARY",
};

/** Each in a line, what is wrong with it below. */
export function listText(certificates: readonly CertificateStatus[], now: Date): string {
  if (certificates.length === 0) return "no certificates\n";
  const rows = certificates.map((each) => [each.site, each.key, validity(each, now), origin(each, now)] as const);
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i as 0].length)));
  return rows
    .map((row, i) => {
      const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
      const problems = (certificates[i]?.problems ?? []).map((problem) => `  ${problem}\n`);
      return `${line.trimEnd()}\n${problems.join("")}`;
    })
    .join("");
}

function validity({ notAfter }: CertificateStatus, now: Date): string {
  const leftMs = notAfter - now.getTime();
  const day = new Date(notAfter).toISOString().slice(0, 10);
  return leftMs < 0 ? `EXPIRED ${day}` : `until ${day} (${ago(leftMs)})`;
}

function origin({ source, nextAt }: CertificateStatus, now: Date): string {
  if (nextAt === null) return SOURCES[source];
  const inMs = nextAt - now.getTime();
  const next = inMs <= 0 ? "now" : `in ${ago(inMs)}`;
  return `${SOURCES[source]}, ${source === "temporary" ? "next order" : "renewal"} ${next}`;
}

/** Each in a block. */
export function showText(certificates: readonly CertificateDetail[], now: Date): string {
  return certificates
    .map((each) => {
      const { site, names, issuer, serial, key, notBefore, fingerprint, chain, failures } = each;
      const rows = [
        ["site", site],
        ["names", names.join(", ")],
        ["issuer", issuer],
        ["chain", chain.join(" < ")],
        ["key", key],
        ["valid", `${minute(notBefore)} to ${minute(each.notAfter)}, ${validity(each, now)}`],
        ["source", origin(each, now)],
        ["serial", serial],
        ["SHA-256", fingerprint],
        ...(failures === null || failures === 0 ? [] : [["failed", lastOrders(failures)]]),
        ...each.problems.map((problem) => ["problem", problem]),
      ];
      return rows.map(([label = "", text = ""]) => `${label.padEnd(9)}${text}\n`).join("");
    })
    .join("\n");
}

function lastOrders(failures: number): string {
  return failures === 1 ? "the last order" : `the last ${failures} orders`;
}

function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

const MARKS = { good: "ok  ", warning: "note", bad: "BAD " } as const;

/** Of an order or a test, while it goes on. */
export function progressText(event: CertificateProgress): string {
  switch (event.state) {
    case "checked":
      return `${MARKS[event.verdict]} ${event.subject}: ${event.text}\n`;
    case "ordering":
      return `     ${event.site}: ordering a certificate${event.at === undefined ? "" : ` at ${event.at}`}\n`;
    case "done":
      return "";
  }
}

export function outcomeText({ site, ok, why }: CertificateOutcome, isTest: boolean): string {
  const what = isTest ? "the test" : "the order";
  const rest = why === undefined ? "" : `: ${why}`;
  return `${ok ? MARKS.good : MARKS.bad} ${site}: ${what} ${ok ? "went well" : "failed"}${rest}\n`;
}
