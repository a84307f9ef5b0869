/**
 * The parser of uwsgi packets under the fuzzer. What must hold for any bytes:
 *
 *   1. nothing throws
 *   2. variables, body and failure are the same however the bytes are cut
 *   3. a packet that is taken says what a naive reading of its bytes says; what is behind it is the body, byte for byte
 *   4. no more than one packet and a piece of its body is held
 */
import {
  PACKET_DATA_BYTES_MAX,
  PACKET_HEADER_BYTES,
  PacketParser,
  PacketWriter,
} from "../../src/protocol/uwsgi/packet.ts";
import { type Cut, packets, whole } from "../support/http1.ts";
import type { Drawn, FuzzTarget } from "./run.ts";
import { cuts } from "./server-target.ts";
import type { Dice } from "./wires.ts";

export type ReadPacket = (wire: string, cut: Cut) => string;

const NAMES = ["REQUEST_METHOD", "HTTP_HOST", "HTTP_COOKIE", "HTTP_X", "CONTENT_LENGTH", "PATH_INFO", "A"];

export function makeUwsgiTarget(read: ReadPacket): FuzzTarget {
  return { name: "uwsgi", draw, judge: (drawn, dice) => judge(read, drawn, dice) };
}

function draw(dice: Dice): Drawn {
  const writer = new PacketWriter();
  for (let count = dice.below(8); count > 0; count--) writer.variable(dice.pick(NAMES), "v".repeat(dice.below(40)));
  const packet = writer.finish(dice.oneIn(8) ? dice.below(256) : 0, dice.below(3))?.latin1Slice() ?? "";
  let wire = packet + "body".repeat(dice.below(5));
  for (let wounds = dice.below(3); wounds > 0; wounds--) {
    const at = dice.below(wire.length + 1);
    const put = dice.oneIn(2) ? String.fromCharCode(dice.below(256)) : "GET ";
    wire = wire.slice(0, at) + put + wire.slice(at + dice.below(4));
  }
  return { wire, sound: 0 };
}

/** The product's reading, as one line. */
export function readPacket(wire: string, cut: Cut): string {
  const parser = new PacketParser();
  let event = parser.next();
  const body: Buffer[] = [];
  for (const packet of packets(wire, cut)) {
    if (event === "packet") body.push(packet);
    else parser.receive(packet);
    if (event === "need-data") event = parser.next();
    if (parser["held"] > PACKET_HEADER_BYTES + PACKET_DATA_BYTES_MAX + packet.length) return "4: too much is held";
  }
  if (event === "failed") return `failed ${parser.failure.code}`;
  if (event === "need-data") return "need-data";
  const rest = Buffer.concat([parser.takeRest(), ...body]).latin1Slice();
  return `packet ${JSON.stringify([...parser.variables])} ${JSON.stringify(rest)}`;
}

function judge(read: ReadPacket, { wire }: Drawn, dice: Dice): string | undefined {
  const seen = read(wire, whole);
  if (seen.startsWith("4:")) return seen;
  for (const [label, cut] of cuts(dice, wire.length)) {
    const other = read(wire, cut);
    if (seen !== other) return `2: whole gives ${seen}, ${label} gives ${other}`;
  }
  if (!seen.startsWith("packet ")) return undefined;
  const naive = readNaively(wire);
  return naive === seen ? undefined : `3: ${seen}, read naively: ${naive}`;
}

function readNaively(wire: string): string {
  const size = (at: number) => wire.charCodeAt(at) + 256 * wire.charCodeAt(at + 1);
  const end = 4 + size(1);
  const variables = new Map<string, string>();
  for (let at = 4; [0, 30].includes(wire.charCodeAt(0)) && at < end;) {
    const name = wire.slice(at + 2, at + 2 + size(at));
    at += 2 + name.length;
    const value = wire.slice(at + 2, at + 2 + size(at));
    at += 2 + value.length;
    const before = name.startsWith("HTTP_") && name !== "HTTP_HOST" ? variables.get(name) : undefined;
    variables.set(name, before === undefined ? value : `${before}${name === "HTTP_COOKIE" ? "; " : ","}${value}`);
  }
  return `packet ${JSON.stringify([...variables])} ${JSON.stringify(wire.slice(end))}`;
}
