/** The options of `server logs` → which lines are wanted, or what is wrong with them. Pure. */
import { LOG_LEVELS } from "../base/log.ts";
import { parseDuration } from "../base/units.ts";
import { nearest } from "../config/nearest.ts";
import type { Given } from "./command.ts";
import type { LineFilter } from "./log-lines.ts";

export function readFilter(given: Pick<Given, "options" | "lists">, nowMs: number): LineFilter | string {
  const { lines, level, since, site, app } = texts(given.options);
  const statuses = given.lists["status"]?.flatMap((text) => text.split(",")) ?? [];
  if (lines !== undefined && !/^\d{1,6}$/.test(lines)) return `--lines is ${quote(lines)}; should be a number`;
  const wrong = statuses.find((status) => !/^[1-5](?:\d\d|xx)$/.test(status));
  if (wrong !== undefined) return `--status is ${quote(wrong)}; should be a status such as 404, or 5xx`;
  const wanted = LOG_LEVELS.find((each) => each === level);
  if (level !== undefined && wanted === undefined) return `--level is ${quote(level)}; ${levelHint(level)}`;
  const sinceMs = since === undefined ? undefined : parseSince(since, nowMs);
  if (Number.isNaN(sinceMs)) return `--since is ${quote(since ?? "")}; should be 10m, 2h, 1d, or 2026-11-29T14:00`;
  return { statuses, site, app, level: wanted, sinceMs };
}

type Texts = Readonly<Partial<Record<"lines" | "level" | "since" | "site" | "app", string>>>;

function texts(options: Given["options"]): Texts {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => typeof value === "string"));
}

function levelHint(written: string): string {
  const suggestion = nearest(written, LOG_LEVELS);
  return suggestion === undefined ? `known: ${LOG_LEVELS.join(", ")}` : `did you mean ${suggestion}?`;
}

/** A duration until now, or a time as the machine's zone has it. */
function parseSince(text: string, nowMs: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return nowMs - ago;
  return Date.parse(text.replace(" ", "T"));
}

function quote(text: string): string {
  return JSON.stringify(text);
}
