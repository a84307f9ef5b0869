/** What a gateway sends: a uwsgi packet of these variables, over those that every request has. */
import { PacketWriter } from "../../src/protocol/uwsgi/packet.ts";

const EVERY_REQUEST: Readonly<Record<string, string>> = {
  REQUEST_METHOD: "GET",
  REQUEST_URI: "/",
  PATH_INFO: "/",
  QUERY_STRING: "",
  CONTENT_LENGTH: "",
  CONTENT_TYPE: "",
  SERVER_PROTOCOL: "HTTP/1.1",
  SERVER_NAME: "localhost",
  SERVER_PORT: "80",
  REMOTE_ADDR: "192.0.2.9",
  REMOTE_PORT: "50000",
  HTTP_HOST: "localhost",
};

export function uwsgiPacket(changes: Readonly<Record<string, string>> = {}): Buffer {
  const writer = new PacketWriter();
  for (const [name, value] of Object.entries({ ...EVERY_REQUEST, ...changes })) writer.variable(name, value);
  const packet = writer.finish();
  if (packet === undefined) throw new Error(`${writer.tooLarge} does not fit in a uwsgi packet`);
  return packet;
}
