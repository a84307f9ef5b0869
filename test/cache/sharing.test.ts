/** Several fronts, one fetch: every order of what they say to each other, and what is not said. */
import { describe, expect, test } from "bun:test";
import { answer } from "../../src/exchange/canned.ts";
import { Fields } from "../../src/protocol/http/fields.ts";
import { LENGTH_UNKNOWN } from "../../src/protocol/http/message.ts";
import { makeLog } from "../../src/base/log.ts";
import { DiskTier } from "../../src/cache/disk.ts";
import { until } from "../support/wait.ts";
import { DiskStage } from "./disk-stage.ts";
import { FrontsStage } from "./fronts-stage.ts";
import { FRESH, type Pairs } from "./stage.ts";

const [HOME, OTHER, THIRD] = [0, 1, 2];
const LOG = makeLog("test", "info", () => {});
const NOW = () => 0;
const STALE: Pairs = [["Cache-Control", "max-age=60, stale-while-revalidate=600"]];
const CHECKED: Pairs = [
  ["Cache-Control", "no-cache"],
  ["ETag", '"v"'],
];

function begin(options = {}): { fronts: FrontsStage; path: string } {
  const fronts = new FrontsStage(3, options);
  return { fronts, path: fronts.pathAt(HOME) };
}

/** A request at that front, with all that is said because of it. */
function ask(fronts: FrontsStage, front: number, path: string, more = {}) {
  const made = fronts.of(front).request({ path, ...more });
  fronts.deliver();
  return made;
}

function answerAt(fronts: FrontsStage, front: number, text: string, fields: Pairs = FRESH, status = 200): void {
  fronts.of(front).answer(text, fields, status);
  fronts.deliver();
}

const show = (fronts: FrontsStage, made: ReturnType<typeof ask>) => fronts.of(0).show(made);

describe("what one front has fetched", () => {
  test.each([HOME, OTHER])("by front %d is given by all, with its age, and a HIT says nothing to anybody", (first) => {
    const { fronts, path } = begin();
    const miss = ask(fronts, first, path);
    answerAt(fronts, first, "page", [...FRESH, ["Age", "7"]]);
    fronts.advance(3000);
    const others = [HOME, OTHER, THIRD].map((front) => ask(fronts, front, path));
    expect([miss, ...others].map((each) => show(fronts, each))).toEqual([
      "MISS page",
      "HIT page",
      "HIT page",
      "HIT page",
    ]);
    expect(others.map(({ reply }) => reply.header("age"))).toEqual(["10", "10", "10"]);
    const { sent } = fronts;
    for (const front of [HOME, OTHER, THIRD]) ask(fronts, front, path);
    expect([fronts.sent, fronts.asked]).toEqual([sent, 1]);
  });

  test.each([HOME, OTHER])("those who come meanwhile wait for front %d, whichever they ask", (first) => {
    const { fronts, path } = begin();
    const crowd = [first, HOME, OTHER, THIRD, HOME, OTHER, THIRD].map((front) => ask(fronts, front, path));
    expect(fronts.asked).toBe(1);
    answerAt(fronts, first, "page");
    expect(crowd.map((each) => show(fronts, each))).toEqual(["MISS page", ...Array<string>(6).fill("HIT page")]);
    expect(fronts.asked).toBe(1);
  });

  test("is the variant that the request is for", () => {
    const { fronts, path } = begin();
    const inLanguage = (front: number, language: string) =>
      ask(fronts, front, path, { fields: [["Accept-Language", language]] });
    const vary: Pairs = [...FRESH, ["Vary", "Accept-Language"]];
    inLanguage(OTHER, "de");
    answerAt(fronts, OTHER, "deutsch", vary);
    const english = inLanguage(THIRD, "en");
    expect(fronts.asked).toBe(2);
    answerAt(fronts, THIRD, "english", vary);
    expect(show(fronts, english)).toBe("MISS english");
    expect(
      [inLanguage(THIRD, "de"), inLanguage(HOME, "en"), inLanguage(OTHER, "en")].map((each) => show(fronts, each)),
    ).toEqual(["HIT deutsch", "HIT english", "HIT english"]);
    expect(fronts.asked).toBe(2);
  });

  test.each(["whole", "in pieces"])("%s is known at home before its client has it", (how) => {
    const { fronts, path } = begin();
    const { reply } = ask(fronts, OTHER, path);
    const { sent } = fronts;
    let sentBefore = -1;
    const give = { whole: reply.whole.bind(reply), end: reply.end.bind(reply) };
    reply.whole = (...given) => {
      sentBefore = fronts.sent;
      give.whole(...given);
    };
    reply.end = (...given) => {
      sentBefore = fronts.sent;
      give.end(...given);
    };
    const fetched = fronts.of(OTHER).asked.at(-1)?.reply;
    if (how === "whole") fronts.of(OTHER).answer("page");
    else {
      fetched?.start({ status: 200, reason: undefined, fields: Fields.of(FRESH), length: LENGTH_UNKNOWN });
      fetched?.data(Buffer.from("page"));
      fetched?.end();
    }
    expect([reply.text, sentBefore]).toEqual(["page", sent + 1]);
    // Its client asks the third one next, whose question comes after the news.
    expect(show(fronts, ask(fronts, THIRD, path, { method: "HEAD" }))).toStartWith("HIT");
  });

  test("is given to HEAD and for parts, which fetch nothing", () => {
    const { fronts, path } = begin();
    expect(show(fronts, ask(fronts, OTHER, path, { method: "HEAD" }))).toBe("BYPASS waiting");
    ask(fronts, OTHER, path);
    answerAt(fronts, OTHER, "page");
    expect(show(fronts, ask(fronts, THIRD, path, { method: "HEAD" }))).toStartWith("HIT");
    const second = begin();
    ask(second.fronts, HOME, second.path);
    answerAt(second.fronts, HOME, "page");
    const part = ask(second.fronts, THIRD, second.path, { fields: [["Range", "bytes=1-2"]] });
    expect([part.reply.status, show(second.fronts, part)]).toEqual([206, "HIT ag"]);
  });

  test("is renewed once when it is stale, behind the back of all", () => {
    const { fronts, path } = begin();
    for (const front of [OTHER, THIRD, HOME]) {
      ask(fronts, front, path);
      if (fronts.asked === 1 && front === OTHER) answerAt(fronts, OTHER, "old", STALE);
    }
    fronts.advance(61_000);
    const stale = [OTHER, THIRD, HOME, OTHER].map((front) => ask(fronts, front, path));
    expect(stale.map((each) => show(fronts, each))).toEqual(Array<string>(4).fill("STALE old"));
    expect(fronts.asked).toBe(2);
    answerAt(fronts, OTHER, "new", STALE);
    expect([OTHER, THIRD, HOME].map((front) => show(fronts, ask(fronts, front, path)))).toEqual(
      Array<string>(3).fill("HIT new"),
    );
    expect(fronts.asked).toBe(2);
  });

  test("stands in for errors at a front that never had it", () => {
    const { fronts, path } = begin();
    ask(fronts, OTHER, path);
    answerAt(fronts, OTHER, "old", [["Cache-Control", "max-age=1, stale-if-error=60"]]);
    fronts.advance(5000);
    const made = ask(fronts, THIRD, path);
    answerAt(fronts, THIRD, "broken", [], 500);
    expect(show(fronts, made)).toBe("STALE old");
  });

  test("is read from the home's disk when it is there", async () => {
    using stage = new DiskStage();
    const disk = new DiskTier({ directory: stage.directory, bytesMax: 1024 * 1024, keeps: true }, LOG, NOW, NOW);
    await disk.ready;
    const fronts = new FrontsStage(3, { memoryBytesMax: 6000, entryBytesMax: 4000 }, [disk]);
    const page = "x".repeat(3000);
    for (const nth of [0, 1, 2, 3]) {
      ask(fronts, HOME, fronts.pathAt(HOME, nth));
      answerAt(fronts, HOME, page);
    }
    await disk.flush(5000);
    expect([disk.count > 0, fronts.of(HOME).cache.count < 4]).toEqual([true, true]);
    const made = ask(fronts, OTHER, fronts.pathAt(HOME));
    await until("an answer from the disk", 5000, () => {
      fronts.deliver();
      return made.reply.state === "finished";
    });
    expect([show(fronts, made), fronts.asked]).toEqual([`HIT ${page}`, 4]);
  });
});

describe("nobody waits in vain", () => {
  test("for a reply that may not be kept: all are let go at once, and nobody asks for a while", () => {
    const { fronts, path } = begin();
    const crowd = [OTHER, HOME, THIRD, THIRD].map((front) => ask(fronts, front, path));
    answerAt(fronts, OTHER, "mine", [["Cache-Control", "private"]]);
    expect(crowd.map((each) => show(fronts, each))).toEqual([
      "MISS mine",
      "BYPASS waiting",
      "BYPASS waiting",
      "BYPASS waiting",
    ]);
    const { sent } = fronts;
    for (const front of [OTHER, HOME, THIRD]) expect(show(fronts, ask(fronts, front, path))).toBe("BYPASS waiting");
    expect([fronts.asked, fronts.sent]).toEqual([7, sent]);
  });

  test("for one that is to be asked about each time: each front does so", () => {
    const { fronts, path } = begin();
    const crowd = [OTHER, HOME, THIRD].map((front) => ask(fronts, front, path));
    answerAt(fronts, OTHER, "page", CHECKED);
    // Both at once, and not one after the other.
    expect(fronts.asked).toBe(3);
    for (const front of [HOME, THIRD]) answerAt(fronts, front, "page", CHECKED);
    expect(crowd.map((each) => show(fronts, each))).toEqual(Array<string>(3).fill("MISS page"));
    const { sent } = fronts;
    for (const front of [HOME, OTHER, THIRD]) ask(fronts, front, path);
    expect([fronts.sent, fronts.asked]).toEqual([sent, 6]);
  });

  test("for a fetch that fails, or whose client leaves: the next one fetches", () => {
    const { fronts, path } = begin();
    const [first, second, third] = [OTHER, THIRD, HOME].map((front) => ask(fronts, front, path));
    first?.reply.leave();
    fronts.deliver();
    expect(fronts.asked).toBe(2);
    const failed = fronts.of(THIRD).asked.at(-1);
    if (failed !== undefined) answer(failed, 502);
    fronts.deliver();
    expect(second?.reply.status).toBe(502);
    answerAt(fronts, HOME, "page");
    expect([third && show(fronts, third), fronts.asked]).toEqual(["MISS page", 3]);
  });

  test("for a fetch that takes too long: after `wait` they ask themselves, and what comes late is kept", () => {
    const { fronts, path } = begin();
    ask(fronts, OTHER, path);
    const [home, third] = [HOME, THIRD].map((front) => ask(fronts, front, path));
    fronts.advance(4999);
    expect(fronts.asked).toBe(1);
    fronts.advance(1);
    fronts.deliver();
    expect(fronts.asked).toBe(3);
    answerAt(fronts, THIRD, "third");
    answerAt(fronts, HOME, "home");
    expect([home, third].map((each) => each && show(fronts, each))).toEqual(["MISS home", "MISS third"]);
    answerAt(fronts, OTHER, "late");
    expect(show(fronts, ask(fronts, HOME, path))).toBe("HIT late");
  });

  test("when a fetch takes too long those who come later have one more, not one each", () => {
    const { fronts, path } = begin();
    ask(fronts, OTHER, path);
    fronts.advance(6000);
    const later = [THIRD, HOME, THIRD].map((front) => ask(fronts, front, path));
    expect(fronts.asked).toBe(2);
    answerAt(fronts, THIRD, "page");
    expect(later.map((each) => show(fronts, each))).toEqual(["MISS page", "HIT page", "HIT page"]);
  });

  test("for a home that says nothing: not longer than a moment, and it is not asked for a while", () => {
    const { fronts, path } = begin();
    const made = fronts.of(OTHER).request({ path });
    fronts.advance(249);
    expect(fronts.asked).toBe(0);
    fronts.advance(1);
    expect(fronts.asked).toBe(1);
    const { sent } = fronts;
    fronts.of(OTHER).request({ path: fronts.pathAt(HOME, 1) });
    expect([fronts.asked, fronts.sent]).toEqual([2, sent]);
    // It says so too late: the lease goes back, and others get it.
    fronts.deliver();
    const home = ask(fronts, HOME, path);
    expect(fronts.asked).toBe(3);
    answerAt(fronts, HOME, "page");
    fronts
      .of(OTHER)
      .asked[0]?.reply.whole(
        { status: 200, reason: undefined, fields: Fields.of(FRESH), length: 3 },
        Buffer.from("own"),
      );
    expect([made, home].map((each) => show(fronts, each))).toEqual(["MISS own", "MISS page"]);
    fronts.advance(1000);
    ask(fronts, OTHER, fronts.pathAt(HOME, 2));
    expect(fronts.sent).toBeGreaterThan(sent + 2);
  });

  test("where nobody may wait", () => {
    const { fronts, path } = begin({ waitMs: 0 });
    for (const front of [OTHER, THIRD, HOME]) ask(fronts, front, path);
    expect(fronts.asked).toBe(3);
    answerAt(fronts, OTHER, "page");
    expect(show(fronts, ask(fronts, HOME, path))).toBe("HIT page");
  });

  test("for a client that left before the home had answered", () => {
    const { fronts, path } = begin();
    const made = fronts.of(OTHER).request({ path });
    made.reply.leave();
    fronts.deliver();
    expect(fronts.asked).toBe(0);
    ask(fronts, THIRD, path);
    expect(fronts.asked).toBe(1);
  });

  test("for a home with another configuration", () => {
    const { fronts, path } = begin();
    fronts.serve(HOME, "another");
    ask(fronts, OTHER, path);
    expect(fronts.asked).toBe(1);
    answerAt(fronts, OTHER, "page");
    expect(show(fronts, ask(fronts, OTHER, path))).toBe("HIT page");
  });
});

describe("a front that dies", () => {
  test("while it fetches: the next one does", () => {
    const { fronts, path } = begin();
    ask(fronts, OTHER, path);
    const waiting = [THIRD, HOME].map((front) => ask(fronts, front, path));
    fronts.kill(OTHER);
    fronts.deliver();
    expect(fronts.asked).toBe(2);
    answerAt(fronts, THIRD, "page");
    expect(waiting.map((each) => show(fronts, each))).toEqual(["MISS page", "HIT page"]);
  });

  test("while it waits: what it asked for goes to others", () => {
    const { fronts, path } = begin();
    const first = ask(fronts, HOME, path);
    ask(fronts, OTHER, path);
    ask(fronts, THIRD, path);
    fronts.kill(OTHER);
    fronts.deliver();
    first.reply.leave();
    fronts.deliver();
    expect(fronts.of(THIRD).asked.length).toBe(1);
  });

  test("and was asked: whoever waits for it asks for itself, at once", () => {
    const { fronts, path } = begin();
    ask(fronts, OTHER, path);
    ask(fronts, THIRD, path);
    const other = fronts.of(OTHER).request({ path: fronts.pathAt(HOME, 1) });
    fronts.kill(HOME);
    fronts.deliver();
    expect(fronts.asked).toBe(3);
    answerAt(fronts, OTHER, "page");
    expect(show(fronts, other)).toBe("MISS page");
  });

  test("and is replaced knows nothing of the leases that were given before", () => {
    const { fronts, path } = begin();
    ask(fronts, OTHER, path);
    fronts.kill(HOME);
    fronts.replace(HOME);
    fronts.deliver();
    const home = ask(fronts, HOME, path);
    answerAt(fronts, OTHER, "of the old one");
    expect(fronts.asked).toBe(2);
    answerAt(fronts, HOME, "page");
    expect(show(fronts, home)).toBe("MISS page");
    expect(show(fronts, ask(fronts, THIRD, path))).toBe("HIT page");
  });
});

describe("what is changed meanwhile", () => {
  const place = (path: string) => `localhost${path}`;

  test("is not kept by the home, and nobody waits for it any more", () => {
    const { fronts, path } = begin();
    ask(fronts, OTHER, path);
    const third = ask(fronts, THIRD, path);
    fronts.forget(THIRD, place(path));
    fronts.deliver();
    expect(fronts.asked).toBe(2);
    answerAt(fronts, OTHER, "old");
    answerAt(fronts, THIRD, "new");
    expect(show(fronts, third)).toBe("MISS new");
    expect([HOME, OTHER].map((front) => show(fronts, ask(fronts, front, path)))).toEqual(["HIT new", "HIT new"]);
  });

  test("while the answer is on its way: it does not count", () => {
    const { fronts, path } = begin();
    ask(fronts, HOME, path);
    answerAt(fronts, HOME, "old");
    const made = fronts.of(OTHER).request({ path });
    // The home has answered, and has not heard yet of what this front knows.
    for (let step = 0; step < 2; step++) fronts.ways[0]?.();
    fronts.forget(OTHER, place(path));
    fronts.deliver();
    expect(fronts.of(OTHER).asked.length).toBe(1);
    answerAt(fronts, OTHER, "new");
    expect(show(fronts, made)).toBe("MISS new");
    expect(show(fronts, ask(fronts, OTHER, path))).toBe("HIT new");
  });
});
