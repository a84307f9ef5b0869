import { expect, test } from "bun:test";
import { edenGC } from "bun:jsc";
import { type Member, Members } from "../../src/base/members.ts";

class One implements Member {
  place = -1;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const of = (...names: string[]) => names.map((name) => new One(name));

function visited(members: Members<One>, act: (one: One) => void = () => {}): string[] {
  const names: string[] = [];
  members.forEach((one) => {
    names.push(one.name);
    act(one);
  });
  return names.toSorted();
}

test("members are counted and visited until they leave", () => {
  const members = new Members<One>();
  const [a, b, c] = of("a", "b", "c") as [One, One, One];
  for (const one of [a, b, c]) members.add(one);
  members.delete(a);
  members.delete(a);
  expect([members.size, visited(members)]).toEqual([2, ["b", "c"]]);
  members.delete(c);
  members.add(a);
  expect([members.size, visited(members)]).toEqual([2, ["a", "b"]]);
  members.delete(b);
  members.delete(a);
  expect([members.size, visited(members)]).toEqual([0, []]);
});

test("a member is added once", () => {
  const members = new Members<One>();
  const [a] = of("a") as [One];
  members.add(a);
  expect(() => members.add(a)).toThrow("added once");
});

test("who is visited may leave, alone or with others; nobody that stays is left out", () => {
  const members = new Members<One>();
  const all = of("a", "b", "c", "d", "e", "f");
  for (const one of all) members.add(one);
  expect(visited(members, (one) => members.delete(one))).toEqual(["a", "b", "c", "d", "e", "f"]);
  for (const one of all) members.add(one);
  const [a, b] = all as [One, One];
  const seen = visited(members, (one) => {
    if (one.name === "d") [a, b].forEach((other) => members.delete(other));
  });
  expect(new Set(seen)).toEqual(new Set(["c", "d", "e", "f"]));
  expect(visited(members)).toEqual(["c", "d", "e", "f"]);
});

test("who has left is not kept by those who have come since", async () => {
  const members = new Members<One>();
  const gone: WeakRef<One>[] = [];
  const there: One[] = [];
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 100; i++) {
      const one = new One(`${round}.${i}`);
      members.add(one);
      gone.push(new WeakRef(one));
      if (there.push(one) > 8) members.delete(there.shift() as One);
    }
    // A WeakRef holds what it was made of until its task is over.
    await Bun.sleep(0);
    edenGC();
  }
  const left = gone.filter((ref) => ref.deref() !== undefined).length;
  expect(left).toBeLessThan(1000);
});
