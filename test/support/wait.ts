/** Waiting for what another process does: asked again and again up to a bound, never a fixed sleep. */

const ASK_EVERY_MS = 20;

/** The first value that is neither undefined nor false. Throws after `boundMs`, naming what was waited for; who was not given
 *  the processor all that time still looks once more. */
export async function until<T>(what: string, boundMs: number, ask: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = performance.now() + boundMs;
  for (;;) {
    const isLast = performance.now() > end;
    const value = await ask();
    if (value !== undefined && value !== null && value !== false) return value;
    if (isLast) throw new Error(`after ${boundMs} ms still no ${what}`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}

/** `promise`, or an error that names what took longer than `boundMs`. */
export async function within<T>(what: string, boundMs: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} took longer than ${boundMs} ms`)), boundMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
