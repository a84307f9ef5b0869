/** PEP 3333 as an application meets it, with real Python processes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { FakeRequest } from "../support/exchange.ts";
import { otherPythons, PROJECTS, PYTHON, Rig } from "./rig.ts";

describe.each([PYTHON, ...otherPythons()])("%s", (python) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = new Rig({ python, module: "pep" });
    await rig.supervisor.start();
  });
  afterAll(() => rig.close());

  async function ask(request: FakeRequest | string) {
    const { reply } = await rig.get(request);
    return { status: reply.status, text: reply.text, length: reply.head?.length, aborted: reply.aborted, reply };
  }

  const replies: [string, FakeRequest | string, object][] = [
    ["empty blocks send nothing of their own", "/empty_blocks", { status: 200, text: "", length: 0 }],
    ["start_response may be called in the first iteration", "/late_start", { status: 200, text: "late" }],
    ["write() comes before what is returned", "/writes", { status: 200, text: "written returned" }],
    ["exc_info replaces a head that was not sent", "/replaces", { status: 500, text: "error page", length: 10 }],
    [
      "a Content-Length that is kept ends the reply",
      "/exact",
      { status: 200, text: "abcd", length: 4, aborted: undefined },
    ],
    [
      "content beyond Content-Length is cut",
      "/close_length",
      { status: 200, text: "abc", length: 3, aborted: undefined },
    ],
    [
      "a file is sent from where it stands",
      "/wrapped_file",
      { status: 200, text: "0123456789".repeat(20_000).slice(5) },
    ],
    [
      "HEAD has the length of GET and no content",
      { path: "/good_header", method: "HEAD" },
      { status: 200, text: "", length: 7 },
    ],
    ["204 has no content", { path: "/status", query: "204%20No%20Content" }, { status: 204, text: "" }],
    ["304 has no content", { path: "/status", query: "304%20Not%20Modified" }, { status: 304, text: "" }],
    ["a status without reason phrase passes", { path: "/status", query: "299" }, { status: 299, text: "content" }],
    [
      "wsgiref.validate has nothing to object",
      { path: "/validated", method: "POST", body: [Buffer.from("abc")] },
      { status: 200, text: "abc", length: 3 },
    ],
    ["wsgiref.validate lets a stream pass", "/validated_stream", { status: 200, text: "ab" }],
    [
      "what is left of a small body is nobody's",
      { path: "/leftovers", method: "POST", body: [Buffer.alloc(20_000, "y")] },
      { text: "y".repeat(10) },
    ],
    [
      "what is left of a large body is nobody's",
      { path: "/leftovers", method: "POST", body: [Buffer.alloc(900_000, "z")] },
      { text: "z".repeat(10) },
    ],
  ];
  test.each(replies)("%s", async (_, request, expected) => {
    expect(await ask(request)).toMatchObject(expected);
  });

  test.each([
    "/start_twice",
    "/never_starts",
    "/content_first",
    "/too_short_empty",
    "/text_block",
    "/number_block",
    "/returns_none",
    "/exits",
    "/interrupts",
    "/raises",
    "/raises_exotic",
    "/close_early_error",
    "/status?100%20Continue",
    "/status?600%20X",
    "/status?20",
    "/status?200OK",
    ...[
      "crlf",
      "lf",
      "nul",
      "name",
      "name_lf",
      "empty_name",
      "hop",
      "chunked",
      "bytes",
      "bytes_value",
      "number",
      "unicode",
      "two_lengths",
      "bad_length",
      "triple",
    ].map((name) => `/bad_header?${name}`),
  ])("%s is a plain 500, with a traceback in the log and nothing of it in the reply", async (target) => {
    const [path = "", query] = target.split("?");
    rig.logged.length = 0;
    const { status, text } = await ask({ path, target, ...(query === undefined ? {} : { query }) });
    expect([status, text]).toEqual([500, "Internal Server Error\n"]);
    await rig.until(() => /(Error|Exit|Interrupt)\b/.test(rig.log));
    expect(rig.log).toContain(`GET ${target}: answered with 500`);
  });

  test("a head up to the limit passes; a longer one is a logged 500, and the worker lives on", async () => {
    rig.logged.length = 0;
    const before = rig.supervisor.status().workers[0]?.pid;
    expect(await ask({ path: "/long_head", query: "255" })).toMatchObject({ status: 200, text: "long" });
    expect(await ask({ path: "/long_head", query: "300" })).toMatchObject({ status: 500 });
    await rig.until(() => /status and headers have \d+ bytes, they may have 262080/.test(rig.log));
    expect((await ask("/good_header")).status).toBe(200);
    expect(rig.supervisor.status().workers[0]?.pid).toBe(before as number);
  });

  test("a traceback begins in the application, not in the server", async () => {
    rig.logged.length = 0;
    await ask("/raises");
    await rig.until(() => rig.log.includes("ValueError"));
    expect(rig.log).not.toContain("<server ");
  });

  test.each(["/close_error", "/reraises", "/too_short"])("%s breaks the reply off", async (path) => {
    const { status, aborted } = await ask(path);
    expect(status).toBe(200);
    expect(aborted).toBeDefined();
  });

  test("close() is called once, whatever happened", async () => {
    for (const path of ["/close_normal", "/close_error", "/close_early_error", "/close_length"]) await ask(path);
    await ask({ path: "/close_normal", method: "HEAD" });
    const counts = new Map<string, number>();
    for (const name of (await ask("/closings")).text.split(",")) counts.set(name, (counts.get(name) ?? 0) + 1);
    // Earlier tests asked for some of them, once each.
    expect(Object.fromEntries(counts)).toEqual({ normal: 2, error: 2, early_error: 2, length: 2 });
  });

  test("headers keep order, repetition and latin-1", async () => {
    const { reply } = await ask("/good_header");
    expect(reply.head?.fields.pairs()).toEqual([
      ["Set-Cookie", "a=1"],
      ["X", "tab\tcaf\xe9"],
      ["Set-Cookie", "b=2"],
      ["Empty", ""],
    ]);
  });

  test("context variables are fresh in every request", async () => {
    expect((await ask("/context")).text).toBe("fresh");
    expect((await ask("/context")).text).toBe("fresh");
  });

  test("a body that was kept beyond its request gives an error, not the next request's bytes", async () => {
    const body = [Buffer.alloc(500_000, "k")];
    await ask({ path: "/keeps_input", method: "POST", body });
    const { text } = await ask({ path: "/keeps_input", method: "POST", body });
    expect(text).toContain("after the end of its request");
  });

  test("the interpreter stands as `python manage.py` would find it", async () => {
    const text = `['${PROJECTS}', '${PROJECTS}', ['server'], '__main__', True, True]`;
    expect((await ask("/facts")).text).toBe(text);
  });
});
