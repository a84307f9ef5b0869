/** The fuzzers for a few seconds, and their canaries: products broken on purpose, which they must catch. */
import { describe, expect, test } from "bun:test";
import { withCompression } from "../../src/exchange/compress.ts";
import type { Reply } from "../../src/exchange/reply.ts";
import { clientTrace, type Cut, packets, serverTrace, whole } from "../support/http1.ts";
import { stage } from "../support/http1-stage.ts";
import { makeCompressTarget } from "./compress-target.ts";
import { type ImportText, importText, makeImportTarget } from "./import-target.ts";
import { makeResponseTarget } from "./response-target.ts";
import { describeFinding, fuzz, type FuzzTarget, judgeSeed } from "./run.ts";
import { makeServerTarget } from "./server-target.ts";
import { type MakeStage, makeSessionTarget } from "./session-target.ts";
import { TARGETS } from "./targets.ts";
import { makeUwsgiTarget, readPacket } from "./uwsgi-target.ts";

const MILLISECONDS = 2_500;
/** A canary is caught within a second, or the fuzzer does not reach what it should. */
const CANARY_MILLISECONDS = 8_000;

describe("the invariants hold for whatever comes", () => {
  test.each(TARGETS.map((target) => [target.name, target] as const))("%s", async (_, target) => {
    const seed = Math.floor(Math.random() * 1e9);
    const { runs, finding } = await fuzz(target, seed, MILLISECONDS);
    if (finding !== undefined) throw new Error(describeFinding(target, finding));
    expect(runs).toBeGreaterThan(50);
  });
});

/** The wire as it arrives at a reader that loses every CR which is a packet of its own. */
const losesLoneCr = (wire: string, cut: Cut) =>
  packets(wire, cut)
    .map((packet) => packet.latin1Slice())
    .filter((packet) => packet !== "\r")
    .join("");

/** …at one that reads a byte more than Content-Length says. */
const readsOneMore = (wire: string) =>
  wire.replaceAll(/^Content-Length: (\d+)/gm, (_, digits: string) => `Content-Length: ${Number(digits) + 1}`);

/** …at one that does not know Transfer-Encoding. */
const ignoresChunked = (wire: string) => wire.replaceAll("Transfer-Encoding: chunked", "X-Something-Else: chunked");

const SERVER_CANARIES: readonly (readonly [string, typeof serverTrace, string])[] = [
  [
    "a parser that loses bytes at packet edges",
    (wire, feeding) => serverTrace(losesLoneCr(wire, feeding.cut), { ...feeding, cut: whole }),
    "2:",
  ],
  ["a parser that reads into the next request", (wire, feeding) => serverTrace(readsOneMore(wire), feeding), "4:"],
  ["a parser that ignores chunked", (wire, feeding) => serverTrace(ignoresChunked(wire), feeding), "4:"],
  [
    "a parser that throws",
    (wire, feeding) => {
      if (wire.includes("\0")) throw new Error("NUL");
      return serverTrace(wire, feeding);
    },
    "it throws",
  ],
  ["a parser that refuses everything", () => ["failed 400 bad_method"], "5:"],
  ["a parser that goes on after a failure", (wire, feeding) => [...serverTrace(wire, feeding), "end"], "3:"],
];

/** A stage whose session gets something else than was sent. */
const hearing =
  (change: (wire: string) => string): MakeStage =>
  (handler, overrides) => {
    const made = stage(handler, overrides);
    const send = made.wire.send.bind(made.wire);
    made.wire.send = (bytes) => send(change(Buffer.from(bytes as Uint8Array).latin1Slice()));
    return made;
  };

/** A stage whose wire is changed. */
const onWire =
  (change: (made: ReturnType<MakeStage>) => void): MakeStage =>
  (handler, overrides) => {
    const made = stage(handler, overrides);
    change(made);
    return made;
  };

const SESSION_CANARIES: readonly (readonly [string, MakeStage, string])[] = [
  ["a session that loses bytes at packet edges", hearing((wire) => (wire === "\r" ? "" : wire)), "2:"],
  ["a session that reads into the next request", hearing(readsOneMore), "3:"],
  [
    "a session that never closes",
    onWire(({ wire }) => {
      wire.shutdown = () => {};
      wire.close = () => {};
    }),
    "5:",
  ],
  ["a session that is never told that there is room", onWire(({ wire }) => (wire.drain = () => {})), "7:"],
  ["a session that records twice", onWire(({ records }) => records.push("200 0")), "6:"],
];

const COMPRESS_CANARIES: readonly (readonly [string, (reply: Reply) => void, string])[] = [
  ["a compression that ends what was aborted", (reply) => (reply.abort = () => reply.end()), "2:"],
  [
    "a compression that lets buffers go too early",
    (reply) => {
      const data = reply.data.bind(reply);
      reply.data = (bytes) => data(bytes) || bytes.fill(7).length < 0;
    },
    "1:",
  ],
];

const IMPORT_CANARIES: readonly (readonly [string, ImportText, string])[] = [
  [
    "an import that passes over what it cannot carry over",
    (format, text) => {
      const { findings, toml } = importText(format, text);
      return { toml, findings: findings.filter(({ verdict }) => verdict !== "not-supported") };
    },
    "5:",
  ],
  [
    "an import that takes the CR for a part of the line",
    (format, text) => {
      const { findings, toml } = importText(format, text);
      return { findings, toml: text.includes("\r\n") ? `${toml}# ` : toml };
    },
    "4:",
  ],
  [
    "an import that writes quotes as they come",
    (format, text) => {
      const { findings, toml } = importText(format, text);
      return { findings, toml: toml.replaceAll("'", '"') };
    },
    "3:",
  ],
  [
    "an import that cannot read a quote",
    (format, text) => {
      if (text.includes("'it is'")) throw new Error("a quote");
      return importText(format, text);
    },
    "it throws",
  ],
];

/** The runtime compresses on a thread of its own: what happens to a buffer meanwhile is a race, which one in some tries wins. */
const RACE_TRIES = 50;

async function expectCaught(target: FuzzTarget, breach: string, tries = 1): Promise<void> {
  const { finding } = await fuzz({ ...target, name: "canary" }, 1, CANARY_MILLISECONDS);
  expect(finding?.breach).toStartWith(breach);
  let again = await judgeSeed(target, finding?.seed ?? 0);
  for (let tried = 1; again === undefined && tried < tries; tried++)
    again = await judgeSeed(target, finding?.seed ?? 0);
  expect(again?.breach.slice(0, 60)).toBe(finding?.breach.slice(0, 60) as string);
}

describe("canaries are caught, and their seed shows them again", () => {
  test.each(SERVER_CANARIES)("%s", (_, trace, breach) => expectCaught(makeServerTarget(trace), breach));
  test.each(SESSION_CANARIES)("%s", (_, make, breach) => expectCaught(makeSessionTarget(make), breach));

  test("a response parser that reads into what is surplus", () =>
    expectCaught(
      makeResponseTarget((wire, asking) =>
        clientTrace(wire, asking).map((line) => line.replace(/^data 5 /, "data 6 ")),
      ),
      "4:",
    ));

  test("a response parser that loses bytes at packet edges", () =>
    expectCaught(
      makeResponseTarget((wire, asking) => clientTrace(losesLoneCr(wire, asking.cut), { ...asking, cut: whole })),
      "2:",
    ));

  test.each(COMPRESS_CANARIES)("%s", (_, change, breach) =>
    expectCaught(
      makeCompressTarget((compression, next) =>
        withCompression(compression, (exchange) => {
          change(exchange.reply);
          next(exchange);
        }),
      ),
      breach,
      RACE_TRIES,
    ),
  );

  test.each(IMPORT_CANARIES)("%s", (_, run, breach) => expectCaught(makeImportTarget("nginx", run), breach));

  test("a packet parser that is wrong about sizes", () => {
    const wrap = (wire: string) => wire.slice(0, 2) + "\0" + wire.slice(3);
    return expectCaught(
      makeUwsgiTarget((wire, cut) => readPacket(wrap(wire), cut)),
      "3:",
    );
  });

  test("a packet parser that depends on how packets are cut", () =>
    expectCaught(
      makeUwsgiTarget((wire, cut) => `${readPacket(wire, cut)} ${cut(wire.length).length > 20}`),
      "2:",
    ));
});
