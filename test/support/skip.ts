/** Tests that need something which may be missing: skipped with the reason in their name, where the reports show it. */
import { test } from "bun:test";

type Body = () => void | Promise<unknown>;

/** `test` when `reason` is undefined, else a test that is shown as skipped with it. */
export function testUnless(reason: string | undefined): (name: string, body: Body, timeoutMs?: number) => void {
  if (reason === undefined) return (name, body, timeoutMs) => test(name, body, timeoutMs);
  return (name, body) => test.skip(`${name} [skipped: ${reason}]`, body);
}
