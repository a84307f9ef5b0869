/** A name server on 127.0.0.1 that answers from a table, by UDP (RFC 1035): A, AAAA, TXT, CAA, CNAME, NS. */
import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";

/** `www.a.test A` → data. A TXT record's text; of CAA `0 issue ca.test`. */
export type Zone = Record<string, readonly string[]>;

export interface NameServer {
  /** `127.0.0.1:5353` */
  readonly address: string;
  /** May be changed at any time. */
  readonly zone: Zone;
  stop(): void;
}

const TYPES: Readonly<Record<number, string>> = { 1: "A", 2: "NS", 5: "CNAME", 16: "TXT", 28: "AAAA", 257: "CAA" };
const SERVFAIL = 2;
const NXDOMAIN = 3;

export async function startNameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const answer = answerTo(query, zone);
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    zone,
    stop: () => void socket.close(),
  };
}

/** `NAME *` with the data `SERVFAIL` fails. */
function answerTo(query: Buffer, zone: Zone): Buffer {
  const { name, end } = readName(query, 12);
  const type = TYPES[query.readUInt16BE(end)] ?? "";
  const records = zone[`${name} ${type}`] ?? [];
  const isKnown = Object.keys(zone).some((key) => key.startsWith(`${name} `));
  const failure = zone[`${name} *`] === undefined ? (isKnown ? 0 : NXDOMAIN) : SERVFAIL;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8580 | failure, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(failure === 0 ? records.length : 0, 6);
  const question = query.subarray(12, end + 4);
  const answers = failure === 0 ? records.map((data) => record(query.readUInt16BE(end), type, data)) : [];
  return Buffer.concat([header, question, ...answers]);
}

/** Of the name in the question. */
function record(type: number, kind: string, text: string): Buffer {
  const data = dataOf(kind, text);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function dataOf(kind: string, text: string): Buffer {
  switch (kind) {
    case "A":
      return Buffer.from(text.split(".").map(Number));
    case "AAAA": {
      const groups = text.replace("::", `:${"0:".repeat(9 - text.split(":").length)}`).split(":");
      return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
    }
    case "TXT":
      return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
    case "CAA": {
      const [flags = "0", tag = "", ...value] = text.split(" ");
      return Buffer.concat([Buffer.from([Number(flags), tag.length]), Buffer.from(tag + value.join(" "))]);
    }
    default:
      return writeName(text);
  }
}

function writeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function readName(bytes: Buffer, at: number): { name: string; end: number } {
  const labels: string[] = [];
  let next = at;
  for (let length = bytes.readUInt8(next); length > 0; length = bytes.readUInt8(next)) {
    labels.push(bytes.latin1Slice(next + 1, next + 1 + length));
    next += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: next + 1 };
}
