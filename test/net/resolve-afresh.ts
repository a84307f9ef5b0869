/** For resolve.test.ts, in a network of its own: a name server that says how often it was asked, and what is heard of it. */
import { createSocket } from "node:dgram";
import { resolveName } from "../../src/net/resolve.ts";

const A = 1;
const TTL_S = 300;
let asked = 0;

/** The question of a packet (RFC 1035 section 4.1), and its answer: 192.0.2.N for the Nth time, or 2001:db8::N. */
function answerTo(packet: Buffer): Buffer {
  const end = packet.indexOf(0, 12) + 5;
  const type = packet.readUInt16BE(end - 4);
  const head = Buffer.from([packet[0] ?? 0, packet[1] ?? 0, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  if (type === A) asked++;
  const data = type === A ? Buffer.from([192, 0, 2, asked]) : Buffer.from(`20010db8${"0".repeat(23)}7`, "hex");
  const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, TTL_S >> 8, TTL_S & 255, 0, data.length]);
  return Buffer.concat([head, packet.subarray(12, end), record, data]);
}

const server = createSocket("udp4");
server.on("message", (packet, { address, port }) => server.send(answerTo(packet), port, address));
await new Promise<void>((listening) => server.bind(53, "127.0.0.53", listening));

const heard = [];
for (const afresh of [false, false, true, true]) heard.push(await resolveName("backend.example", afresh));
const hosts = await resolveName("in-hosts.example", true);
const why = await resolveName("bad..name", true).catch((error: Error) => error.message);
console.log(JSON.stringify({ heard, hosts, why }));
process.exit(0);
