/**
 * What a configuration is served with and outlives it: caches of files, upstreams with their connections. The next
 * configuration takes over what it would have made of the same settings; what it has no use for is left.
 */

export class Heirlooms<T> {
  private readonly made = new Map<string, T>();
  private before: ReadonlyMap<string, T> | undefined;

  /** `before`: of the configuration that is served until now. */
  constructor(before?: Heirlooms<T>) {
    this.before = before?.made;
  }

  /** `from`: everything that it is made of, as plain data. */
  of(from: unknown, make: () => T): T {
    const key = JSON.stringify(from);
    const known = this.made.get(key) ?? this.before?.get(key) ?? make();
    this.made.set(key, known);
    return known;
  }

  /** This configuration is served from now on. Returns what of the one before it has not taken over. */
  settle(): T[] {
    const left = [...(this.before ?? [])].filter(([key]) => !this.made.has(key)).map(([, each]) => each);
    // The one before would hold its own, and so on.
    this.before = undefined;
    return left;
  }
}
