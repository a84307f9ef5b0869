/**
 * Assertions: programmer errors, never operating errors (those are values with a status).
 * One that fires in a session closes that session and is logged as a bug; it never takes a thread down.
 */

export class AssertionError extends Error {
  override name = "AssertionError";
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** What an assertion does that does not hold. For messages that are worked out: on the way of each request, only when it fires. */
export function fail(message: string): never {
  throw new AssertionError(message);
}

/** The `default` of an exhaustive switch: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
