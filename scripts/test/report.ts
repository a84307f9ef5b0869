/** Reads the JUnit report of `bun test`: how many passed and failed, and the names of those that were skipped. */
import { existsSync, readFileSync } from "node:fs";

export interface Report {
  readonly passed: number;
  readonly failed: number;
  /** With the file, and the reason where the name has one (test/support/skip.ts). */
  readonly skipped: readonly string[];
}

/** Nothing passed and one failed when there is no report: the run did not come to its end. */
export function readReport(path: string): Report {
  return existsSync(path) ? parseReport(readFileSync(path, "utf8")) : { passed: 0, failed: 1, skipped: [] };
}

/** The report is ours and regular: `<testcase …/>`, or with `<failure`, `<error` or `<skipped` inside. */
export function parseReport(xml: string): Report {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const match of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const inside = match[2] ?? "";
    if (/<(?:failure|error)\b/.test(inside)) failed++;
    else if (inside.includes("<skipped")) skipped.push(describe(match[1] as string));
    else passed++;
  }
  return { passed, failed, skipped };
}

function describe(attributes: string): string {
  const attribute = (name: string) => unescape(new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1] ?? "?");
  return `${attribute("file")}: ${attribute("name")}`;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&", "#10": "\n" };

function unescape(text: string): string {
  return text.replace(/&(#10|\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
