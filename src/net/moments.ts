/** Points in time, of which the first one counts: a binary heap of numbers. */

export class Moments {
  private readonly heap: number[] = [];

  /** Infinity when there is none. */
  get first(): number {
    return this.heap[0] ?? Infinity;
  }

  add(moment: number): void {
    const { heap } = this;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as number; // a place before `at`
      if (above <= moment) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = moment;
  }

  /** Forgets those up to `moment`. */
  drop(moment: number): void {
    while (this.first <= moment) this.dropFirst();
  }

  private dropFirst(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const least = (heap[left + 1] ?? Infinity) < (heap[left] as number) ? left + 1 : left; // `left` is inside
      const below = heap[least] as number; // one of the two, both inside
      if (below >= last) break;
      heap[at] = below;
      at = least;
    }
    heap[at] = last;
  }
}
