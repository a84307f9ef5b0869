/**
 * Who is there now, of those that come and go all the time: connections, requests under way.
 *
 * Not a Set: one that lives long and whose members do not makes a new table every few of them, and each table that is no longer
 * used keeps what it held, and the next one. As soon as one of them has survived a collection of young objects so do all that come
 * after it, until the whole heap is collected. Measured, a uwsgi upstream with a connection for each request: half of what was
 * allocated survived, and collecting it took a third of the time.
 */
import { assert } from "./assert.ts";

export interface Member {
  /** Where it stands among the members; -1: nowhere. Written by Members alone. */
  place: number;
}

export class Members<T extends Member> {
  private readonly list: T[] = [];

  get size(): number {
    return this.list.length;
  }

  add(member: T): void {
    assert(member.place === -1, "a member is added once");
    member.place = this.list.length;
    this.list.push(member);
  }

  /** To no effect when it is none. The last one takes its place. */
  delete(member: T): void {
    const { place } = member;
    if (place === -1) return;
    member.place = -1;
    const last = this.list.pop() as T; // there is at least `member`
    if (last === member) return;
    this.list[place] = last;
    last.place = place;
  }

  /** From the last to the first, so that each may leave when it is visited, and any other: no one that stays is left out, and
   *  one that is added meanwhile is not visited. One may be visited twice when others leave. */
  forEach(visit: (member: T) => void): void {
    for (let place = this.list.length - 1; place >= 0; place--) {
      const member = this.list[place];
      if (member !== undefined) visit(member);
    }
  }
}
